"""An IMAP4rev1 server (RFC 3501) with IDLE that pushes at once, and faults on demand."""

import re
import ssl

from probe.demo.behaviour import ImapFaults
from probe.demo.imap_grammar import BadCommand, read_command
from probe.demo.imap_session import Session
from probe.demo.server import Server
from probe.demo.store import Store
from probe.demo.wire import Closed, Wire

COMMAND_CAP = 64 * 1024
LITERAL_CAP = 10 * 1024 * 1024
_LITERAL_AHEAD = re.compile(rb"\{([0-9]{1,10})(\+?)\}\Z")


class ImapServer(Server):
    """The door to the store for IMAP; `faults` may be exchanged while it runs."""

    def __init__(
        self,
        store: Store,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        faults: ImapFaults | None = None,
        tls: ssl.SSLContext | None = None,
        implicit_tls: bool = False,
    ) -> None:
        super().__init__(host, port, tls=tls, implicit_tls=implicit_tls)
        self.store = store
        self.faults = faults or ImapFaults()

    async def converse(self, wire: Wire) -> None:
        """Hold one IMAP session."""
        session = Session(wire, store=self.store, tls=self.tls, faults=lambda: self.faults)
        await session.greet()
        while session.open:
            octets = await _command_octets(wire)
            try:
                command = read_command(octets)
            except BadCommand as error:
                tag = octets.split(b" ", 1)[0]
                await session.reject(tag.decode("ascii", "replace") if tag.isalnum() else "*", str(error))
            else:
                await session.obey(command)


async def _command_octets(wire: Wire) -> bytes:
    """Return one command with its literals, each asked for as RFC 3501 4.3 has it."""
    octets = await wire.line(COMMAND_CAP)
    while match := _LITERAL_AHEAD.search(octets):
        size = int(match[1])
        if len(octets) + size > LITERAL_CAP:
            raise Closed("literal too big")
        if not match[2]:  # RFC 7888: a non-synchronising literal comes without being asked for
            await wire.send(b"+ go ahead\r\n")
        octets += b"\r\n" + await wire.exactly(size) + await wire.line(COMMAND_CAP)
    return octets
