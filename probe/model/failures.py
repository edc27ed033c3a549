"""The one table of failures: what each one is, whether it is tried again, and whether it can speak against a member.

The first row that fits decides. That a failure *can* speak against its member is not yet that it does: ``blame`` hears
the other members first. docs/failures.md shows the same table.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import lru_cache

from probe.model.outcome import Outcome, Stage
from probe.model.probe import Sending
from probe.model.reply import Attempt, Ending


class Kind(StrEnum):
    """Whether a failure may pass by itself."""

    TEMPORARY = "temporary"
    """The server refuses for now, and says so: it is tried again."""
    RECOVERABLE = "recoverable"
    """The dialogue broke off before the server could own the message (RFC 5321 3.8: as if 451): it is tried again."""
    PERMANENT = "permanent"
    """The server refuses for good: the same would be refused again."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A row of the table. Stages and codes are patterns, one of which must fit; ``*`` fits what is missing, too."""

    ending: Ending
    kind: Kind | None
    """None where nobody knows that it failed, and where we failed ourselves."""
    outcome: Outcome | None
    """What the probe ends as; None where its mailbox decides."""
    stages: str
    codes: str
    enhanced_codes: str
    can_speak: bool
    """Whether it can speak against the member, where others fare better."""
    why: str

    @property
    def may_be_retried(self) -> bool:
        """Tell whether a retry may help, and can do no harm."""
        return self.kind in (Kind.TEMPORARY, Kind.RECOVERABLE)

    def fits(self, stage: Stage | None, code: int | None, enhanced_code: str | None) -> bool:
        """Tell whether what the server said, and where, is of this row."""
        return (
            _fits(self.stages, stage or "")
            and _fits(self.codes, str(code or ""))
            and _fits(self.enhanced_codes, enhanced_code or "")
        )


def failure(of: Attempt | Sending) -> Failure | None:
    """Return what a transaction that ended so is; None for one that was accepted."""
    rows = (row for row in TABLE if row.ending is of.ending)
    return _first(rows, of.stage, of.code, of.enhanced_code)


# An outage of what all members share fails thousands of probes alike.
@lru_cache(maxsize=1024)
def can_speak(
    outcome: Outcome, stage: Stage | None, *, code: int | None = None, enhanced_code: str | None = None
) -> bool:
    """Tell whether a probe that was never accepted, and ended so, can speak against its member."""
    found = _first((row for row in TABLE if row.outcome is outcome), stage, code, enhanced_code)
    return found is not None and found.can_speak


def _first(rows: Iterable[Failure], stage: Stage | None, code: int | None, enhanced: str | None) -> Failure | None:
    return next((row for row in rows if row.fits(stage, code, enhanced)), None)


def _fits(patterns: str, word: str) -> bool:
    return any(fnmatchcase(word, pattern) for pattern in patterns.split())


def _rows(
    ending: Ending, kind: Kind | None, outcome: Outcome | None, *rows: tuple[str, str, str, bool, str]
) -> Iterator[Failure]:
    return (Failure(ending, kind, outcome, *row) for row in rows)


CAN, NEVER = True, False

# fmt: off
TABLE: tuple[Failure, ...] = (
    *_rows(Ending.REFUSED_FOR_NOW, Kind.TEMPORARY, Outcome.DEFERRED,
        # stages            codes           enhanced       against  why
        ("*",               "*",            "4.7.1",       NEVER, "greylisting, or another policy that asks us to come again"),
        ("rcpt",            "450 451",      "*",           NEVER, "greylisting, most often (RFC 6647 5)"),
        ("rcpt",            "452",          "*",           NEVER, "the mailbox of the recipient is full, or there are too many recipients (RFC 5321 4.5.3.1.10)"),
        ("rcpt",            "*",            "*",           NEVER, "speaks of the recipient, or of what we may do"),
        ("auth",            "454",          "*",           NEVER, "logins cannot be checked now (RFC 4954 6): what checks them is often shared"),
        ("auth",            "*",            "*",           NEVER, "speaks of the login"),
        ("quit",            "*",            "*",           NEVER, "taking leave decides nothing"),
        ("*",               "421 450",      "4.7.*",       NEVER, "a rate limit, or a check of our address: ours to fix"),
        ("starttls",        "*",            "*",           CAN,   "TLS does not work there now (RFC 3207 4: 454)"),
        ("*",               "*",            "4.7.*",       CAN,   "a policy, or trouble with security: its own, if others have none"),
        ("mail",            "*",            "4.1.8",       CAN,   "it cannot look up the domain of the sender: its resolver, if others can"),
        ("*",               "*",            "4.1.* 4.2.*", CAN,   "speaks of an address or a mailbox (4.2.2: full) that others find in order"),
        ("*",               "*",            "4.6.*",       CAN,   "speaks of a content that others take"),
        ("*",               "*",            "4.3.* 4.4.*", CAN,   "speaks of the server, or of what it is connected to"),
        ("*",               "421",          "*",           CAN,   "it closes the connection: busy, or going down (RFC 5321 3.8)"),
        ("mail data body",  "452",          "*",           CAN,   "it has no room left (RFC 5321 4.2.3)"),
        ("connect banner ehlo starttls mail data body", "*", "*", CAN, "it does not take now what others take"),
    ),
    *_rows(Ending.REFUSED, Kind.PERMANENT, Outcome.REJECTED,
        ("rcpt",            "552",          "*",           NEVER, "the mailbox is full; we have one recipient, so that it cannot mean too many (RFC 5321 4.5.3.1.10)"),
        ("rcpt",            "*",            "5.1.*",       NEVER, "no such recipient"),
        ("rcpt",            "*",            "5.2.*",       NEVER, "the mailbox of the recipient is disabled or full"),
        ("rcpt",            "*",            "5.7.*",       NEVER, "relaying to the recipient is refused to us"),
        ("rcpt",            "*",            "*",           NEVER, "speaks of the recipient, or of what we may do"),
        ("auth",            "*",            "*",           NEVER, "speaks of the login: wrong (535), too weak (534), not without TLS (538)"),
        ("quit",            "*",            "*",           NEVER, "taking leave decides nothing"),
        ("*",               "530 534 535 538", "*",        CAN,   "wants a login or TLS first (RFC 4954 6, RFC 3207 4), which others do not want"),
        ("*",               "*",            "5.7.8 5.7.9 5.7.11 5.7.30", CAN, "wants another login, which others do not want"),
        ("*",               "*",            "5.7.2?",      CAN,   "our SPF, DKIM, DMARC or name does not pass (RFC 7372): its look-ups, if others let it pass"),
        ("*",               "*",            "5.6.*",       CAN,   "speaks of a content that others take"),
        ("*",               "*",            "5.1.* 5.2.*", CAN,   "speaks of an address or a mailbox that others find in order"),
        ("*",               "*",            "5.3.* 5.4.*", CAN,   "speaks of the server (5.3.4: its limit of size), or of what it is connected to"),
        ("mail data body",  "552",          "*",           CAN,   "too big for it (RFC 5321 4.2.3), and not for others"),
        ("*",               "*",            "5.7.*",       CAN,   "a rule of its own: others take the same from the same address"),
        ("banner",          "521 554",      "*",           CAN,   "it takes no mail at all (RFC 5321 3.1, RFC 7504)"),
        ("connect banner ehlo starttls mail data body", "*", "*", CAN, "it does not take what others take"),
    ),
    *_rows(Ending.UNREACHABLE, Kind.RECOVERABLE, Outcome.UNREACHABLE,
        ("connect",         "*",            "*",           CAN,   "refused, no way there, or time-out; with `tls: implicit` the handshake, too"),
        ("starttls",        "*",            "*",           CAN,   "not offered though required, the handshake or the certificate failed, or plain text was injected"),
        ("auth",            "*",            "*",           CAN,   "does not offer what others offer, or does not prove that it knows the password"),
        ("*",               "2?? 3??",      "*",           CAN,   "answered out of turn: agrees to what was not asked"),
        ("*",               "*",            "*",           CAN,   "time-out, closed or reset, or no SMTP, before the final dot"),
    ),
    *_rows(Ending.NAMELESS, Kind.RECOVERABLE, Outcome.UNREACHABLE,
        ("*",               "*",            "*",           NEVER, "nobody behind the VIP gave a name: the VIP is out of reach, and no single member"),
    ),
    *_rows(Ending.IN_DOUBT, None, None,
        ("*",               "*",            "*",           NEVER, "the reply to the final dot was lost, and it may own the message (RFC 5321 4.5.3.2.6): never sent again"),
    ),
    *_rows(Ending.NOT_TRIED, None, Outcome.UNKNOWN,
        ("auth",            "*",            "*",           NEVER, "we have no token, or will not log in without TLS"),
        ("*",               "*",            "*",           NEVER, "we failed ourselves: no socket, no CA file, no time left, stood still; or behind a VIP only others answered"),
    ),
)
# fmt: on
