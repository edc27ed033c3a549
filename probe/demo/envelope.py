"""The envelope of one SMTP transaction, and the trace lines it leaves on the message."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime

SIZE_CAP = 10 * 1024 * 1024
RECIPIENTS_CAP = 100
MAIL_PARAMETERS = frozenset({"SIZE", "BODY", "RET", "ENVID", "AUTH"})
RCPT_PARAMETERS = frozenset({"NOTIFY", "ORCPT"})

_ARGUMENT = re.compile(r"(?:FROM|TO): ?<([^<>\s]{0,254})>((?: [^ ]+)*) *", re.IGNORECASE)
_PARAMETER = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*)(?:=([!-<>-~]+))?")


@dataclass(frozen=True, slots=True)
class Path:
    """The address and the parameters of one MAIL or RCPT command; the null sender is the empty address."""

    address: str
    parameters: dict[str, str]

    @property
    def size(self) -> int:
        """Return the size that was announced (RFC 1870), 0 when none or nonsense was."""
        announced = self.parameters.get("SIZE", "")
        return int(announced) if announced.isdecimal() and len(announced) <= 20 else 0


@dataclass(frozen=True, slots=True)
class Hop:
    """Who gave the message to whom, and how: the facts of a Received line."""

    helo: str
    peer: str
    host: str
    protocol: str
    queue_id: str


@dataclass(slots=True)
class Envelope:
    """One transaction under way."""

    sender: str
    recipients: list[str] = field(default_factory=list)


def read_path(argument: str, verb: str) -> Path | None:
    """Return the path of `MAIL FROM:<...>` or `RCPT TO:<...>`, or None when the grammar is broken."""
    match = _ARGUMENT.fullmatch(argument)
    if not match or not argument.upper().startswith("FROM" if verb == "MAIL" else "TO"):
        return None
    parameters: dict[str, str] = {}
    for word in match[2].split():
        parameter = _PARAMETER.fullmatch(word)
        if not parameter or parameter[1].upper() in parameters:  # RFC 3461 4.5: each at most once
            return None
        parameters[parameter[1].upper()] = parameter[2] or ""
    return Path(match[1], parameters)


def protocol_word(*, extended: bool, lmtp: bool, encrypted: bool, authenticated: bool) -> str:
    """Return the word after `with` in a Received line (RFC 3848)."""
    if not extended:
        return "SMTP"
    return ("LMTP" if lmtp else "ESMTP") + "S" * encrypted + "A" * authenticated


def traced(raw: bytes, envelope: Envelope, *, hop: Hop, at: datetime) -> bytes:
    """Return the message with the lines that final delivery puts on top (RFC 5321 4.4)."""
    address = f"IPv6:{hop.peer}" if ":" in hop.peer else hop.peer
    # RFC 5321 7.6: a `for` clause with one of several recipients would tell him of the others.
    only = f"\r\n\tfor <{envelope.recipients[0]}>" if len(envelope.recipients) == 1 else ""
    trace = (
        f"Return-Path: <{envelope.sender}>\r\n"
        f"Received: from {hop.helo} ([{address}])\r\n"
        f"\tby {hop.host} with {hop.protocol} id {hop.queue_id}{only};\r\n"
        f"\t{format_datetime(at)}\r\n"
    )
    return trace.encode("ascii", "replace") + raw
