"""The SMTP dialogue without any I/O: it says what is to be done next, hears what came of it, and how all ended."""

from collections.abc import Generator, Iterator
from dataclasses import replace

from probe.model.message import Envelope
from probe.model.outcome import Stage
from probe.model.reply import Ending, Reply
from probe.model.settings import SmtpSettings
from probe.smtp import parameters
from probe.smtp.answerer import Answerer
from probe.smtp.commands import Say, Secure, Step, Unsayable, addressed, anew, command, grouped, lone_dot, message
from probe.smtp.endings import Ended, Script, against, cut, refused
from probe.smtp.extensions import Extensions
from probe.smtp.opening import Opening

_WANTED = {Stage.MAIL: 2, Stage.RCPT: 2, Stage.DATA: 3}
"""First digits of the replies that let us go on."""

_ORDERLY = (Ending.ACCEPTED, Ending.REFUSED, Ending.REFUSED_FOR_NOW)


class Dialogue:
    """One transaction with one server, over a connection that has just been made, or was kept.

    Do what ``step`` says, then tell what came of it by one of the methods; over when ``step`` is None.
    The ending is known as soon as it is decided: the QUIT after it changes nothing.
    """

    def __init__(
        self,
        envelope: Envelope,
        *,
        settings: SmtpSettings,
        peer: str,
        ehlo: str,
        kept: Extensions | None = None,
        keep: bool = False,
        answerer: Answerer | None = None,
    ) -> None:
        """``kept``: what was offered on a connection that is taken over. ``keep``: it is to stay open afterwards.

        ``answerer`` hears who it is, where that is not known.
        """
        self._envelope = envelope
        self._settings = settings
        self._opening = Opening(settings, peer=peer, ehlo=ehlo, answerer=answerer)
        self._kept = kept is not None
        self._keep = keep
        if kept is not None:
            self._opening.offers = kept
        self.taken_up = False
        """The server has agreed to MAIL."""
        self._dot_is_out = False
        self._text_is_awaited = False
        """Whatever is said now is taken for a message's text."""
        self._followed = False
        self.reusable = False
        """The connection is left open, in good order for a further transaction."""
        self._commands: Iterator[Say] = iter(())
        self._script = self._whole()
        self.ended: Ended | None = None
        self.step: Step | None = next(self._script, None)

    @property
    def offers(self) -> Extensions:
        """Return what the server offers, as far as it is known."""
        return self._opening.offers

    @property
    def tentative(self) -> bool:
        """Tell whether a failure proves nothing yet: the server may have forgotten a connection that was kept."""
        return self._kept and not self.taken_up

    def followed(self) -> None:
        """Hear that the next transaction has spoken behind our text: nothing more may be said."""
        self._followed = True

    def sent(self) -> None:
        """Hear that everything the step says has been handed to the network."""
        self._dot_is_out = self._stage is Stage.BODY

    def replied(self, reply: Reply) -> None:
        """Hear the reply to what was sent."""
        self._advance(reply)

    def replied_early(self, reply: Reply) -> None:
        """Hear a reply that came before all of what it answers was sent; only a refusal can be meant."""
        refusing = not reply.positive and self._stage is Stage.BODY
        if reply.code == 421 or refusing:
            self._hang_up(refused(self._stage, reply))
        else:
            self.broke(f"{self._peer} replied before it was asked: {cut(reply)}")

    def secured(self) -> None:
        """Hear that TLS protects the connection."""
        self._opening.secured()
        self._advance(None)

    def timed_out(self, limit: str) -> None:
        """Hear that it took too long; ``limit`` says how long was allowed: "within 30 s"."""
        self.broke(f"{self._missed()} {limit}")

    def lost(self, how: str) -> None:
        """Hear that the connection is gone; ``how`` says what the server did: "closed the connection"."""
        if self._stage is Stage.BODY and not self._dot_is_out:
            self.broke(f"{self._peer} {how} in the middle of the message")
        else:
            self.broke(f"{self._peer} {how} before its {self._awaited}")

    def violated(self, how: str) -> None:
        """Hear that the server broke the protocol; ``how`` says what it did: "sent …"."""
        self.broke(f"{self._peer} {how}")

    def broke(self, reason: str) -> None:
        """Hear that nothing more can be said, and why."""
        # RFC 5321 4.5.3.2.6: after the final dot the server may already own the message.
        ending = Ending.IN_DOUBT if self._dot_is_out else Ending.UNREACHABLE
        self._hang_up(Ended(ending, self._stage, reason))

    def gave_up(self, reason: str) -> None:
        """Hear that the probe itself failed, and why."""
        self._hang_up(Ended(Ending.NOT_TRIED, self._stage, reason))

    def unanswered(self) -> tuple[Say, ...]:
        """Return the rest of a group whose replies were not waited for; ask when all is over."""
        return tuple(command for command in self._commands if command.pipelined)

    @property
    def starttls_offered(self) -> bool | None:
        """Tell whether the server offered STARTTLS; None where it was not asked for what it offers before TLS."""
        return self._opening.starttls_offered

    @property
    def _peer(self) -> str:
        return self._opening.peer

    @property
    def _stage(self) -> Stage:
        return self.step.stage if self.step else Stage.QUIT

    @property
    def _awaited(self) -> str:
        return self.step.awaited if isinstance(self.step, Say) else "side of the TLS handshake"

    def _missed(self) -> str:
        if isinstance(self.step, Secure):
            return "the TLS handshake was not done"
        if self._stage is Stage.BODY and not self._dot_is_out:
            return f"{self._peer} did not take the message"
        return f"no {self._awaited}"

    def _advance(self, reply: Reply | None) -> None:
        try:
            self.step = self._script.send(reply) if reply else next(self._script)
        except StopIteration:
            self.step = None

    def _hang_up(self, ended: Ended) -> None:
        self.ended = self.ended or ended
        self.step = None

    def _whole(self) -> Generator[Step, Reply, None]:
        try:
            if not self._kept:
                self.ended = yield from self._opening.script()
            if self.ended is None:
                self.ended = yield from self._business()
                self.reusable = self._keep and self._is_in_order(self.ended)
        except Unsayable as error:
            self.ended = Ended(Ending.NOT_TRIED, error.stage, str(error))
        if not (self.reusable or self.tentative or self._text_is_awaited or self._followed):
            yield command(Stage.QUIT, "QUIT")

    def _is_in_order(self, ended: Ended | None) -> bool:
        """Tell whether the server waits for the next transaction."""
        if ended is None or ended.reply is None or ended.reply.code == 421:
            return False
        return ended.ending in _ORDERLY and not (self._text_is_awaited or self.tentative)

    def _business(self) -> Script:
        """Do what the connection was made for; the one part that other dialogues have differently."""
        return (yield from self._enveloped()) or (yield from self._delivered())

    def _enveloped(self) -> Script:
        """Go from MAIL, or RSET, to the reply to DATA; the first of the replies that is against us decides."""
        self._commands = iter(self._envelope_commands())
        for said in self._commands:
            reply = yield said
            if ended := against(self._peer, said.stage, reply, wanted=_WANTED[said.stage]):
                self.ended = ended
                if said.pipelined and not self.tentative:
                    yield from self._heard_out({said.stage: reply})
                return ended
            self.taken_up = self.taken_up or said.counted  # RSET only ends what was before
        return None

    def _envelope_commands(self) -> tuple[Say, ...]:
        envelope, offers = self._envelope, self._opening.offers
        commands: tuple[Say, ...] = (
            addressed(Stage.MAIL, "MAIL FROM", envelope.sender, parameters.of_mail(envelope, offers)),
            addressed(Stage.RCPT, "RCPT TO", envelope.recipient, parameters.of_rcpt(envelope, offers)),
            command(Stage.DATA, "DATA"),
        )
        if self._kept:
            commands = (anew(), *commands)
        return grouped(*commands) if self._may_group else commands

    @property
    def _may_group(self) -> bool:
        return self._settings.pipelining and "PIPELINING" in self._opening.offers

    def _heard_out(self, replies: dict[Stage, Reply]) -> Generator[Step, Reply, None]:
        """Hear the rest of a group that has decided the ending already: by position, and to no effect."""
        for said in self._commands:
            replies[said.stage] = yield said
        if not 300 <= replies[Stage.DATA].code < 400:
            return
        self._text_is_awaited = True
        # RFC 2920 3.1; but where somebody would get it, a lone dot is an empty message, and we just leave.
        if not replies[Stage.RCPT].positive:
            yield lone_dot()
            self._text_is_awaited = False

    def _delivered(self) -> Script:
        reply = yield message(self._envelope.message)
        return self._after_dot(reply)

    def _after_dot(self, reply: Reply) -> Ended:
        if ended := against(self._peer, Stage.BODY, reply):
            # Whatever a reply out of turn means, the server may own the message.
            return ended if not reply.positive else replace(ended, ending=Ending.IN_DOUBT)
        return Ended(Ending.ACCEPTED, Stage.BODY, f"accepted: {cut(reply)}", reply)
