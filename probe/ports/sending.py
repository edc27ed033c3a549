"""What the engine asks of those who speak to members, and of the source of their tokens."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from probe.model.message import Envelope
from probe.model.oauth import Grant
from probe.model.reply import Attempt
from probe.model.secret import Secret
from probe.model.settings import Member, SmtpSettings


class Sender(Protocol):
    """Hands messages to members."""

    async def send(
        self,
        member: Member,
        envelope: Envelope,
        *,
        settings: SmtpSettings,
        until: datetime,
        ready: Callable[[], None],
    ) -> Attempt:
        """Run one full SMTP transaction and say what it came to; never later than ``until``, and never raise.

        Whatever a server does is an Attempt; only cancellation comes out as an exception. After cancellation the
        connection is closed. ``ready`` is called as soon as the next message to the same member may be handed over,
        to follow over the same connection; where connections are not kept, never.
        """

    async def close(self) -> None:
        """Take leave of the members whose connections were kept, soon in any case; never raise."""


class Enquirer(Protocol):
    """Asks members whether they would take mail."""

    async def ask(self, member: Member, envelope: Envelope, *, settings: SmtpSettings, until: datetime) -> Attempt:
        """Ask by MAIL and RCPT, then RSET and QUIT, never DATA; never later than ``until``, and never raise.

        An acceptance ends at the stage rcpt; whatever else a server does is an Attempt, too. Only cancellation comes
        out as an exception. After cancellation the connection is closed.
        """


class TokenTrouble(Exception):
    """There is no token to log in with; the message says why, in one sentence without secrets."""


class Tokens(Protocol):
    """Gives out the tokens that are shown in place of passwords, to any thread and any loop."""

    def token(self, grant: Grant) -> Secret:
        """Return a token that is good now; blocks, for a bounded time, while one is fetched. Raises TokenTrouble."""

    async def fetched(self, grant: Grant) -> Secret:
        """Return a token as ``token`` does, without blocking the loop. Raises TokenTrouble."""

    def refused(self, grant: Grant) -> None:
        """Hear that a server did not take the token: it is fetched anew, but not again and again."""

    def expiry(self, grant: Grant) -> datetime | None:
        """Return when the token expires that is held now; None if none is."""
