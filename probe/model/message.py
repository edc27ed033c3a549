"""The probe message: natural, RFC 5322 conform, and the same to the byte whenever it is written again."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from email.policy import SMTP
from email.utils import format_datetime
from functools import lru_cache

from probe.model import tag
from probe.model.probe import Probe
from probe.model.settings import Content, ContentKind, Route, TagKey

HEADER = "Mailflow-Probe"


@dataclass(frozen=True, slots=True)
class Envelope:
    """What is handed to a member: from whom, to whom, and the message with canonical line ends."""

    sender: str
    recipient: str
    message: bytes = b""
    id: str | None = None
    """What a delivery status notification is to name it by: the whole tag (RFC 3461 4.4)."""

    def __post_init__(self) -> None:
        if b"\r" in self.message.replace(b"\r\n", b"") or b"\n" in self.message.replace(b"\r\n", b""):
            raise ValueError("a message ends its lines by CRLF only (RFC 5321 2.3.8)")


def compose(route: Route, probe: Probe, key: TagKey) -> Envelope:
    """Write the message of a probe; every try writes the same bytes, as greylisting needs (RFC 6647 2.5)."""
    written = _tag(probe, key)
    head = _HEAD.format(
        date=format_datetime(probe.started.replace(microsecond=0)),
        sender=_addressed("From", route.sender),
        recipient=_addressed("To", route.recipient),
        id=probe.id,
        domain=route.sender.rpartition("@")[2],
        tag=written,
    )
    message = (head + _body(route, probe, written)).replace("\n", "\r\n").encode("ascii")
    return Envelope(route.sender, route.recipient, message, id=written)


_HEAD = f"""\
Date: {{date}}
{{sender}}
{{recipient}}
Message-ID: <{{id}}@{{domain}}>
Subject: Mail flow test {{id}}
Auto-Submitted: auto-generated
{HEADER}:
 {{tag}}
Content-Type: text/plain; charset="utf-8"
Content-Transfer-Encoding: 7bit
MIME-Version: 1.0

"""
"""As `email` would write it, which takes a millisecond to parse it all first."""


@lru_cache(maxsize=1024)
def _addressed(header: str, address: str) -> str:
    """Write a header with an address, folded where it has to be."""
    _, parsed = SMTP.header_store_parse(header, address)
    folded: str = SMTP.fold(header, parsed)
    return folded.removesuffix("\r\n").replace("\r\n", "\n")


def body(route: Route, probe: Probe, key: TagKey) -> str:
    """Write the text of a probe's message alone."""
    return _body(route, probe, _tag(probe, key))


def digest(body: str) -> str:
    """Return by what a text is known again, as the ledger keeps it."""
    return hashlib.blake2b(body.encode(), digest_size=16).hexdigest()


def sent_body(route: Route, probe: Probe, keys: Iterable[TagKey]) -> str | None:
    """Write the text of a probe's message as it was sent; None where that is no longer known.

    A text is never kept: after a reload its route may ask for another one, and the key that signed it may be gone.
    """
    written = (body(route, probe, key) for key in keys)
    return next((text for text in written if digest(text) == probe.body_digest), None)


def _tag(probe: Probe, key: TagKey) -> str:
    return tag.compose(
        key,
        instance=probe.instance,
        scope=tag.scope(probe.pool, probe.route, probe.member),
        id=tag.raw_id(probe.id),
        time=probe.started,
    )


def _body(route: Route, probe: Probe, written: str) -> str:
    text = _TEXT.format(instance=probe.instance, route=probe.route, member=probe.member, sender=route.sender)
    return text + f"Mailflow: {written}\n" + _payload(route.content)


_TEXT = """\
Hello,

this is an automatic message that tests whether mail flows. It was sent by
the mail-flow probe "{instance}" on its route "{route}", by way of the mail
server "{member}". The probe reads it in this mailbox and then removes it.
Nothing needs to be done. Questions about it are answered by the people who
read {sender}.

"""


def _payload(content: Content) -> str:
    marker = {ContentKind.PLAIN: "", ContentKind.GTUBE: MARKERS["GTUBE"], ContentKind.EICAR: MARKERS["EICAR"]}
    line = marker[content.kind]
    return (f"\n{line}\n" if line else "") + _FILLER * -(-content.size // len(_FILLER))


_FILLER = "This line only makes the message longer, as its route asks for.\n"

MARKERS = {
    # Put together here, so that no spam filter or virus scanner finds its own test string in this file.
    "GTUBE": "XJS*C4JDBQADN1.NSBN3*2IDNEN*" + "GTUBE-STANDARD-ANTI-UBE-TEST-" + "EMAIL*C.34X",
    "EICAR": r"X5O!P%@AP[4\PZX54(P^)7CC)7}" + "$EICAR-STANDARD-" + "ANTIVIRUS-TEST-FILE!" + "$H+H*",
}
"""The test strings of filters, by their names."""
