"""One message for a member whose connections are kept: over the one that stands, or else over a new one."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from probe.model.message import Envelope
from probe.model.outcome import Stage
from probe.model.settings import Member, SmtpSettings
from probe.ports import Clock
from probe.smtp.carrier import Carrier
from probe.smtp.connection import Connection
from probe.smtp.deadlines import Deadlines
from probe.smtp.dialogue import Dialogue
from probe.smtp.endings import Ended
from probe.smtp.kept import Kept
from probe.smtp.line import Line
from probe.smtp.log import Log


class Errand:
    """Waits on a line, takes its connection over, leaves it to the next; satisfies ``probe.smtp.line.Follower``."""

    def __init__(
        self,
        member: Member,
        envelope: Envelope,
        *,
        settings: SmtpSettings,
        until: datetime,
        line: Line,
        clock: Clock,
        ready: Callable[[], None],
    ) -> None:
        """``ready`` is called as soon as another message to the member may be handed over."""
        self._member = member
        self._envelope = envelope
        self._settings = settings
        self._until = until
        self._line = line
        self._clock = clock
        self._ready = ready
        self._kept: Kept | None = None
        """The connection that is used now."""
        self._takeover: Takeover | None = None
        self._met_the_second = False
        """A kept connection failed right after its first transaction: perhaps the member takes no second one."""

    def follow(self, kept: Kept) -> bool:
        """Say the commands now, behind a text that has just gone out over this connection; False if it cannot."""
        if not kept.serves(self._member, self._settings):
            return False
        if self._take_over(kept).carrier.say_ahead():
            return True
        self._takeover = self._kept = None
        return False

    def give_up(self) -> None:
        """Never have a turn."""
        if self._kept:
            self._kept.spoilt = True

    async def over_kept(self) -> "Takeover | None":
        """Have the turn over the connection that is kept; None where there is none, or it proved nothing."""
        takeover, left = self._takeover, True
        if takeover:
            left = self._line.pass_on(takeover.kept)
        elif kept := await self._line.take(self._member, self._settings):
            takeover = self._take_over(kept)
        if takeover is None:
            return None
        if not left:
            # Its replies may be there, but the server was left before they were heard.
            takeover.kept.connection.drop()
        await takeover.run()
        self._met_the_second = left and takeover.in_vain and takeover.kept.transactions == 1
        return None if takeover.in_vain else takeover

    def log(self) -> Log:
        """Return the log for a new connection; what was said in vain over a kept one stays in it."""
        if self._takeover is None:
            return Log(self._clock)
        self._takeover.log.dialling_anew()
        return self._takeover.log

    @property
    def keeps(self) -> bool:
        """Tell whether the connection may be left open."""
        return not (self._line.one_each or self._met_the_second)

    def opened(self, connection: Connection) -> bool:
        """Take a new connection; tell whether it may be left open."""
        self._kept = Kept(self._member, self._settings, connection)
        return self.keeps

    def said(self, dialogue: Dialogue, stage: Stage) -> None:
        """Hear what has just been said: another message may be handed over, or even begin behind the text."""
        assert self._kept is not None
        self._kept.offers = dialogue.offers
        if not self.keeps:
            return
        if stage is Stage.MAIL:
            self._ready()
        elif stage is Stage.BODY and self._line.let_follow(self._kept):
            dialogue.followed()

    def ended(self, dialogue: Dialogue) -> bool:
        """Leave the connection to the next; False where it is not in good order, and must be closed."""
        assert self._kept is not None
        if self._met_the_second and dialogue.taken_up:
            # What was refused over a kept connection was taken over a new one.
            self._line.learn(self._member)
        if dialogue.reusable:
            self._line.keep(self._kept)
        return dialogue.reusable

    def _take_over(self, kept: Kept) -> "Takeover":
        self._kept = kept
        self._takeover = Takeover(self, kept, self._envelope, until=self._until, clock=self._clock)
        return self._takeover


class Takeover:
    """One transaction over a connection that an earlier one has left open, or is about to."""

    def __init__(self, errand: Errand, kept: Kept, envelope: Envelope, *, until: datetime, clock: Clock) -> None:
        self.kept = kept
        self.log = Log(clock, reused=True)
        self._errand = errand
        self._dialogue = Dialogue(
            envelope, settings=kept.settings, peer=kept.member.name, ehlo="", kept=kept.offers, keep=errand.keeps
        )
        self._until = until
        self._deadlines = Deadlines(kept.settings.timeouts, self.log, end=self._end())
        self.carrier = Carrier(
            kept.connection,
            self._dialogue,
            tls=None,
            log=self.log,
            deadlines=self._deadlines,
            said=partial(errand.said, self._dialogue),
        )

    @property
    def in_vain(self) -> bool:
        """Tell whether it failed in a way that proves nothing about the server."""
        return self._dialogue.tentative

    @property
    def ended(self) -> Ended | None:
        """Return how it ended."""
        return self._dialogue.ended

    async def run(self) -> None:
        """Carry the dialogue to its end; the connection is left to the next, or closed."""
        self.kept.connection.begin_anew()
        self._deadlines.put_off(self._end())  # what another's text took, behind which it spoke, is not its own
        left = False
        try:
            await self.carrier.run()
            left = self._errand.ended(self._dialogue)
        finally:
            if not left:
                self.kept.connection.abort()

    def _end(self) -> timedelta:
        """Return when all must be over that begins now."""
        return min(self.log.elapsed() + self.kept.settings.timeouts.total, self._until - self.log.began)
