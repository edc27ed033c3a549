"""The SMTP dialogue without any I/O: it says what is to be done next, hears what came of it, and how all ended."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass

from probe.model.message import Envelope
from probe.model.oauth import TokenLogin
from probe.model.outcome import Stage
from probe.model.reply import Ending, Reply
from probe.model.settings import ProxyProtocol, SmtpSettings, Tls
from probe.net.text import printable
from probe.smtp import auth, parameters
from probe.smtp.commands import (
    Say,
    Secure,
    Step,
    Unsayable,
    addressed,
    command,
    greeting,
    grouped,
    lone_dot,
    message,
)
from probe.smtp.extensions import Extensions, offered
from probe.smtp.scram import Untrue

_NO_EHLO = (500, 502)
_WANTED = {Stage.MAIL: 2, Stage.RCPT: 2, Stage.DATA: 3}
"""First digits of the replies that let us go on."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a dialogue ended, and what decided it."""

    ending: Ending
    stage: Stage
    reason: str
    reply: Reply | None = None


Script = Generator[Step, Reply, Ended | None]
"""Yields steps, is sent their replies, and returns an ending where it comes to one."""


class Dialogue:
    """One transaction with one server, from the moment the connection stands.

    Do what ``step`` says, then tell what came of it by one of the methods; over when ``step`` is None.
    The ending is known as soon as it is decided: the QUIT after it changes nothing.
    """

    def __init__(self, envelope: Envelope, *, settings: SmtpSettings, peer: str, ehlo: str) -> None:
        self._envelope = envelope
        self._settings = settings
        self._peer = peer
        self._ehlo = ehlo
        self._extensions: Extensions = {}
        self._encrypted = False
        self._dot_is_out = False
        self._text_is_awaited = False
        """Whatever is said now is taken for a message's text."""
        self._commands: Iterator[Say] = iter(())
        self._script = self._whole()
        self.ended: Ended | None = None
        self.step: Step | None = next(self._script)

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
            self._hang_up(self._refused(self._stage, reply))
        else:
            self.broke(f"{self._peer} replied before it was asked: {cut(reply)}")

    def secured(self) -> None:
        """Hear that TLS protects the connection."""
        # RFC 3207 4.2: what was learnt before the handshake counts for nothing.
        self._extensions, self._encrypted = {}, True
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
            self.ended = yield from self._transaction()
        except Unsayable as error:
            self.ended = Ended(Ending.NOT_TRIED, error.stage, str(error))
        if not self._text_is_awaited:
            yield command(Stage.QUIT, "QUIT")

    def _transaction(self) -> Script:
        for part in (self._greeted, self._introduced, self._secured, self._logged_in, self._business):
            if ended := (yield from part()):
                return ended
        raise AssertionError("the last part of a dialogue always ends it")

    def _greeted(self) -> Script:
        if self._settings.tls is Tls.IMPLICIT:
            yield Secure(Stage.CONNECT)
        reply = yield greeting()
        return self._against(Stage.BANNER, reply)

    def _introduced(self) -> Script:
        return (yield from self._hello(Stage.EHLO))

    def _hello(self, stage: Stage) -> Script:
        settings = self._settings
        reply = yield command(stage, f"{'LHLO' if settings.lmtp else 'EHLO'} {self._ehlo}")
        # A server that does not know the PROXY header refuses that, and EHLO gets its answer.
        may_be_old = not settings.lmtp and settings.proxy_protocol is ProxyProtocol.NONE
        if reply.code in _NO_EHLO and may_be_old:  # RFC 5321 4.1.1.1: a server of old
            reply = yield command(stage, f"HELO {self._ehlo}")
        elif reply.positive:
            self._extensions = offered(reply)
        return self._against(stage, reply)

    def _secured(self) -> Script:
        if self._settings.tls in (Tls.NONE, Tls.IMPLICIT):
            return None
        optional = self._settings.tls is Tls.OPPORTUNISTIC
        if "STARTTLS" not in self._extensions:
            return None if optional else self._unfit(Stage.STARTTLS, "does not offer STARTTLS, which is required")
        reply = yield command(Stage.STARTTLS, "STARTTLS")
        if optional and not reply.positive and reply.code != 421:
            return None  # RFC 3207 4: a refusal leaves the connection as it was
        if ended := self._against(Stage.STARTTLS, reply):
            return ended
        yield Secure(Stage.STARTTLS)
        return (yield from self._hello(Stage.STARTTLS))

    def _logged_in(self) -> Script:
        login = self._settings.login
        if login is None:
            return None
        if ended := self._too_open():
            return ended
        assert not isinstance(login, TokenLogin), "the token is fetched before the dialogue"
        exchange = auth.choose(self._extensions.get("AUTH", ()), login, encrypted=self._encrypted)
        if exchange is None:
            *others, last = auth.known(login, encrypted=self._encrypted)
            return self._unfit(Stage.AUTH, f"does not offer to log in by {', '.join(others)} or {last}")
        try:
            reply = yield from exchange
        except Untrue as error:
            return self._unfit(Stage.AUTH, str(error))
        return self._against(Stage.AUTH, reply)

    def _too_open(self) -> Ended | None:
        if self._encrypted or self._settings.login_without_tls:
            return None
        if self._settings.tls is Tls.NONE:
            reason = "logging in without TLS is not allowed: set tls, or auth.plaintext"
            return Ended(Ending.NOT_TRIED, Stage.AUTH, reason)
        return self._unfit(Stage.AUTH, "offers no TLS, and logging in without it is not allowed")

    def _business(self) -> Script:
        """Do what the connection was made for; the one part that other dialogues have differently."""
        return (yield from self._enveloped()) or (yield from self._delivered())

    def _enveloped(self) -> Script:
        """Go from MAIL to the reply to DATA; the first of the replies that is against us decides."""
        self._commands = iter(self._envelope_commands())
        for said in self._commands:
            reply = yield said
            if ended := self._against(said.stage, reply, wanted=_WANTED[said.stage]):
                self.ended = ended
                if said.pipelined:
                    yield from self._heard_out({said.stage: reply})
                return ended
        return None

    def _envelope_commands(self) -> tuple[Say, ...]:
        envelope, offers = self._envelope, self._extensions
        commands = (
            addressed(Stage.MAIL, "MAIL FROM", envelope.sender, parameters.of_mail(envelope, offers)),
            addressed(Stage.RCPT, "RCPT TO", envelope.recipient, parameters.of_rcpt(envelope, offers)),
            command(Stage.DATA, "DATA"),
        )
        return grouped(*commands) if self._may_group else commands

    @property
    def _may_group(self) -> bool:
        return self._settings.pipelining and "PIPELINING" in self._extensions

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
        return self._against(Stage.BODY, reply) or Ended(Ending.ACCEPTED, Stage.BODY, f"accepted: {cut(reply)}", reply)

    def _against(self, stage: Stage, reply: Reply, *, wanted: int = 2) -> Ended | None:
        """Return the ending that a reply means, None where it lets us go on; decided by its first digit alone."""
        if reply.code // 100 == wanted:
            return None
        if not reply.positive:
            return self._refused(stage, reply)
        ending = Ending.IN_DOUBT if self._dot_is_out else Ending.UNREACHABLE
        return Ended(ending, stage, f"{self._peer} answered out of turn at {stage}: {cut(reply)}", reply)

    def _refused(self, stage: Stage, reply: Reply) -> Ended:
        ending = Ending.REFUSED_FOR_NOW if reply.transient else Ending.REFUSED
        return Ended(ending, stage, f"{stage} refused: {cut(reply)}", reply)

    def _unfit(self, stage: Stage, lack: str) -> Ended:
        return Ended(Ending.UNREACHABLE, stage, f"{self._peer} {lack}")


def cut(reply: Reply) -> str:
    """Return a reply for a sentence."""
    return printable(str(reply))
