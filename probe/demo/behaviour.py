"""How the servers of the demo behave: healthy, unless told otherwise."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from probe.demo.store import INBOX
from probe.model.outcome import Stage

# RFC 5321 4.2: first digit 2-5, second 0-5; here every line is one reply line of the same code.
_REPLY = re.compile(r"([2-5][0-5][0-9])( [^\r\n]*)?(\n[^\r\n]*)*")


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What an SMTP member does at each stage, and with a message it has accepted.

    A new fault is one field here and one line where it bites: in smtp.py or, for what
    becomes of an accepted message, in filing.py.
    """

    refuse_connections: bool = False
    """Hold the port without listening; looked at when the server starts."""
    delays: Mapping[Stage, timedelta] = field(default_factory=dict)
    """How long the reply of a stage is held back."""
    replies: Mapping[Stage, str] = field(default_factory=dict)
    """The reply of a stage instead of the usual one: "451 4.3.0 try later", more lines after a line feed."""
    hang_at: Stage | None = None
    """Never answer at this stage; at BODY the message is filed all the same, unless `discard` says no."""
    close_at: Stage | None = None
    """Close instead of answering at this stage; CONNECT closes before the banner, BODY as with `hang_at`."""
    split_replies: bool = False
    """Send every reply in several segments."""
    discard: bool = False
    """Accept the message and drop it."""
    delivery_delay: timedelta = timedelta(0)
    """How long an accepted message takes to the mailbox."""
    copies: int = 1
    """How often an accepted message is filed."""
    folder: str = INBOX
    """Where an accepted message is filed."""
    corrupt_body: bool = False
    """Change some letters of the body on the way."""

    def __post_init__(self) -> None:
        for stage, reply in self.replies.items():
            if not _REPLY.fullmatch(reply):
                raise ValueError(f"{stage}: {reply!r} is not a reply; write it like '451 4.3.0 try later'")


@dataclass(frozen=True, slots=True)
class ImapFaults:
    """What goes wrong; the defaults are health. To cut every connection call `ImapServer.drop_all`."""

    refuse_login: bool = False
    """Answer every login as if the password were wrong."""
    login_delay: timedelta = timedelta(0)
    """How long every login takes."""
    silent: bool = False
    """Take commands and never answer; a session that fell silent stays so."""
    silent_idle: bool = False
    """Take IDLE and keep the connection, but push nothing."""
