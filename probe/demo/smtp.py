"""An SMTP or LMTP member that files what it accepts, and misbehaves as its `Behaviour` says."""

import asyncio
import re
import secrets
import ssl
from collections.abc import Awaitable, Callable

from probe.demo import sasl
from probe.demo.behaviour import Behaviour
from probe.demo.envelope import (
    MAIL_PARAMETERS,
    RCPT_PARAMETERS,
    RECIPIENTS_CAP,
    SIZE_CAP,
    Envelope,
    Hop,
    protocol_word,
    read_path,
)
from probe.demo.filing import file
from probe.demo.server import Server
from probe.demo.store import Store
from probe.demo.wire import Closed, Wire
from probe.model.outcome import Stage

COMMAND_CAP = 12_288  # RFC 4954 4: the longest line is one of AUTH
_NAME = re.compile(r"[A-Za-z0-9._:\[\]-]{1,255}")
_SEGMENT_PAUSE_SECONDS = 0.005


class SmtpServer(Server):
    """One member; `behaviour` may be exchanged while it runs and counts from the next reply on.

    With `credentials` (user, password) a client must log in before MAIL.
    """

    def __init__(
        self,
        store: Store,
        *,
        name: str = "mx.demo.test",
        host: str = "127.0.0.1",
        port: int = 0,
        behaviour: Behaviour | None = None,
        lmtp: bool = False,
        credentials: tuple[str, str] | None = None,
        tls: ssl.SSLContext | None = None,
        implicit_tls: bool = False,
    ) -> None:
        super().__init__(host, port, tls=tls, implicit_tls=implicit_tls)
        self.store = store
        self.name = name
        self.behaviour = behaviour or Behaviour()
        self.lmtp = lmtp
        self.credentials = credentials

    @property
    def listening(self) -> bool:
        """Say whether connections are taken."""
        return not self.behaviour.refuse_connections

    async def converse(self, wire: Wire) -> None:
        """Hold one SMTP session."""
        await _Session(self, wire).run()


class _Session:
    """The server's side of one dialogue: every command gets its reply, in order."""

    def __init__(self, server: SmtpServer, wire: Wire) -> None:
        self._server = server
        self._wire = wire
        self._helo = ""
        self._extended = False
        self._authenticated = False
        self._envelope: Envelope | None = None
        self._open = True
        greeting = "LHLO" if server.lmtp else "EHLO"
        self._commands: dict[str, Callable[[str], Awaitable[None]]] = {
            greeting: self._greet,
            **({} if server.lmtp else {"HELO": self._helo_command}),
            "STARTTLS": self._starttls,
            "AUTH": self._auth,
            "MAIL": self._mail,
            "RCPT": self._rcpt,
            "DATA": self._data,
            "RSET": self._rset,
            "NOOP": self._noop,
            "VRFY": self._vrfy,
            "QUIT": self._quit,
        }

    async def run(self) -> None:
        if self._server.behaviour.close_at is Stage.CONNECT:
            return
        protocol = "LMTP" if self._server.lmtp else "ESMTP"
        if not await self._reply(f"220 {self._server.name} {protocol} mailflow demo", stage=Stage.BANNER):
            self._commands = {"QUIT": self._quit}  # RFC 5321 3.1: a refusing server still waits for QUIT
        while self._open:
            line = (await self._wire.line(COMMAND_CAP)).decode("ascii", "replace")
            verb, _, argument = line.partition(" ")
            command = self._commands.get(verb.upper())
            if command is None:
                await self._reply("500 5.5.1 command not recognised")
            else:
                await command(argument.strip())

    async def _greet(self, argument: str) -> None:
        await self._hello(argument, "\n".join([f"250 {self._server.name}", *self._extensions()]))
        self._extended = True

    async def _helo_command(self, argument: str) -> None:
        await self._hello(argument, f"250 {self._server.name}")
        self._extended = False

    async def _hello(self, argument: str, welcome: str) -> None:
        if not _NAME.fullmatch(argument):
            await self._reply("501 5.5.4 a host name is needed")
            return
        self._envelope = None
        if await self._reply(welcome, stage=Stage.EHLO):
            self._helo = argument

    def _extensions(self) -> list[str]:
        offered = ["PIPELINING", f"SIZE {SIZE_CAP}", "8BITMIME", "ENHANCEDSTATUSCODES", "DSN"]
        if self._server.tls and not self._wire.encrypted:
            offered.append("STARTTLS")
        if self._server.credentials:
            offered.append("AUTH PLAIN LOGIN")
        return offered

    async def _starttls(self, argument: str) -> None:
        if argument or not self._server.tls or self._wire.encrypted:
            await self._reply("501 5.5.4 not now" if argument else "503 5.5.1 TLS is not available")
        elif await self._reply("220 2.0.0 go ahead", stage=Stage.STARTTLS):
            await self._wire.start_tls(self._server.tls)
            # RFC 3207 4.2: both sides forget what they learnt before.
            self._helo, self._envelope, self._authenticated = "", None, False

    async def _auth(self, argument: str) -> None:
        mechanism, _, initial = argument.partition(" ")
        exchange = {"PLAIN": sasl.plain, "LOGIN": sasl.login}.get(mechanism.upper())
        if not self._helo or not self._server.credentials or self._authenticated or self._envelope:
            await self._reply("503 5.5.1 AUTH is not possible now")
        elif exchange is None:
            await self._reply("504 5.5.4 mechanism not known")
        else:
            try:
                given = await exchange(self._ask, initial or None)
            except sasl.Cancelled:
                await self._reply("501 5.5.2 authentication cancelled")
                return
            known = given == self._server.credentials
            reply = "235 2.7.0 welcome" if known else "535 5.7.8 wrong user or password"
            self._authenticated = await self._reply(reply, stage=Stage.AUTH) and known

    async def _ask(self, challenge: str) -> str:
        await self._send(f"334 {challenge}")
        return (await self._wire.line(COMMAND_CAP)).decode("ascii", "replace")

    async def _mail(self, argument: str) -> None:
        path = read_path(argument, "MAIL")
        if not self._helo or self._envelope:
            await self._reply("503 5.5.1 say EHLO first, and MAIL once")
        elif self._server.credentials and not self._authenticated:
            await self._reply("530 5.7.0 log in first", stage=Stage.MAIL)
        elif path is None:
            await self._reply("501 5.5.4 write MAIL FROM:<address>")
        elif path.parameters.keys() - MAIL_PARAMETERS:
            await self._reply("555 5.5.4 parameter not known")
        elif path.size > SIZE_CAP:
            await self._reply("552 5.3.4 message too big", stage=Stage.MAIL)
        elif await self._reply("250 2.1.0 sender ok", stage=Stage.MAIL):
            self._envelope = Envelope(path.address)

    async def _rcpt(self, argument: str) -> None:
        path = read_path(argument, "RCPT")
        if self._envelope is None:
            await self._reply("503 5.5.1 say MAIL first")
        elif path is None:
            await self._reply("501 5.5.4 write RCPT TO:<address>")
        elif path.parameters.keys() - RCPT_PARAMETERS:
            await self._reply("555 5.5.4 parameter not known")
        elif len(self._envelope.recipients) >= RECIPIENTS_CAP:
            await self._reply("452 4.5.3 too many recipients")
        elif self._server.store.account(path.address) is None:
            await self._reply("550 5.1.1 no such user here", stage=Stage.RCPT)
        elif await self._reply("250 2.1.5 recipient ok", stage=Stage.RCPT):
            self._envelope.recipients.append(path.address)

    async def _data(self, argument: str) -> None:
        if self._envelope is None or not self._envelope.recipients:
            await self._reply("503 5.5.1 no valid recipients")
        elif argument:
            await self._reply("501 5.5.4 DATA takes no argument")
        elif await self._reply("354 end with a line that is only a dot", stage=Stage.DATA):
            envelope, self._envelope = self._envelope, None
            await self._body(envelope, await self._content())

    async def _content(self) -> bytes | None:
        """Return the message without dot-stuffing (RFC 5321 4.5.2), or None when it was too big."""
        lines: list[bytes] = []
        size = 0
        while (line := await self._wire.line()) != b".":
            lines.append(line[1:] if line.startswith(b".") else line)
            size += len(line) + 2
            if size > SIZE_CAP:
                lines.clear()
        return None if size > SIZE_CAP else b"".join(line + b"\r\n" for line in lines)

    async def _body(self, envelope: Envelope, raw: bytes | None) -> None:
        queue_id = secrets.token_hex(5).upper()
        reply = self._server.behaviour.replies.get(Stage.BODY, f"250 2.0.0 ok: queued as {queue_id}")
        if raw is None:
            reply = "552 5.3.4 message too big"
        elif reply.startswith("2"):
            await self._file(raw, envelope, hop=self._hop(queue_id))
        for _ in envelope.recipients if self._server.lmtp else envelope.recipients[:1]:
            await self._reply(reply, stage=Stage.BODY)  # RFC 2033 4.2: LMTP answers for each recipient

    async def _file(self, raw: bytes, envelope: Envelope, *, hop: Hop) -> None:
        behaviour = self._server.behaviour
        filing = file(self._server.store, raw, envelope=envelope, hop=hop, behaviour=behaviour)
        if behaviour.delivery_delay:
            self._server.spawn(filing)
        else:  # before the reply: when that is late or lost, the message has arrived all the same
            await filing

    def _hop(self, queue_id: str) -> Hop:
        word = protocol_word(
            extended=self._extended,
            lmtp=self._server.lmtp,
            encrypted=self._wire.encrypted,
            authenticated=self._authenticated,
        )
        return Hop(self._helo, self._wire.peer, self._server.name, word, queue_id)

    async def _rset(self, argument: str) -> None:
        self._envelope = None
        await self._reply("250 2.0.0 forgotten")

    async def _noop(self, argument: str) -> None:
        await self._reply("250 2.0.0 still here")

    async def _vrfy(self, argument: str) -> None:
        await self._reply("252 2.5.2 send some mail and see")

    async def _quit(self, argument: str) -> None:
        await self._reply("221 2.0.0 goodbye", stage=Stage.QUIT)
        self._open = False

    async def _reply(self, usual: str, *, stage: Stage | None = None) -> bool:
        """Answer as the behaviour says for `stage`, and say whether that was a yes."""
        behaviour = self._server.behaviour
        if stage is None:
            await self._send(usual)
            return usual[0] in "23"
        await asyncio.sleep(behaviour.delays[stage].total_seconds() if stage in behaviour.delays else 0)
        if behaviour.hang_at is stage:
            await self._wire.ended()
        if stage in (behaviour.hang_at, behaviour.close_at):
            raise Closed(f"by its behaviour at {stage}")
        reply = behaviour.replies.get(stage, usual)
        await self._send(reply)
        if reply.startswith("421"):  # RFC 5321 3.8: the server closes after it
            self._open = False
        return reply[0] in "23"

    async def _send(self, reply: str) -> None:
        code, lines = reply[:3], reply[3:].lstrip(" ").split("\n")
        text = "".join(f"{code}-{line}\r\n" for line in lines[:-1]) + f"{code} {lines[-1]}\r\n"
        octets = text.encode("ascii", "replace")
        if not self._server.behaviour.split_replies:
            await self._wire.send(octets)
            return
        for start in range(0, len(octets), 7):
            await self._wire.send(octets[start : start + 7])
            await asyncio.sleep(_SEGMENT_PAUSE_SECONDS)
