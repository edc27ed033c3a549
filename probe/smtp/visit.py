"""One visit to a member: a connection is made, a dialogue carried over it, and the connection closed."""

import asyncio
import contextlib
import socket
import ssl
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from ipaddress import IPv6Address, ip_address

from probe.model.message import Envelope
from probe.model.outcome import Stage
from probe.model.reply import Ending
from probe.model.settings import Member, SmtpSettings, Tls
from probe.model.tls_seen import UNSEEN, TlsSeen
from probe.smtp.answerer import Answerer
from probe.smtp.carrier import Carrier
from probe.smtp.connection import Connection
from probe.smtp.deadlines import Deadlines
from probe.smtp.dialogue import Dialogue
from probe.smtp.endings import Ended
from probe.smtp.errand import Errand
from probe.smtp.failures import OwnFailure, Unreached
from probe.smtp.log import Log
from probe.smtp.ways import way


@dataclass(frozen=True, slots=True)
class Visited:
    """What a visit came to."""

    ended: Ended | None
    """None where it was broken off on purpose."""
    tls: TlsSeen = UNSEEN
    distrusted: bool = False
    """The server's certificate did not pass."""


class Visit:
    """Knows whom to visit, with what, and for how long."""

    def __init__(
        self,
        member: Member,
        envelope: Envelope,
        *,
        settings: SmtpSettings,
        context: ssl.SSLContext | None,
        log: Log,
        end: timedelta,
        dialogue: type[Dialogue] = Dialogue,
        errand: Errand | None = None,
        answerer: Answerer | None = None,
    ) -> None:
        """``errand`` may leave the connection open for the next; ``answerer`` hears who it is, if that is not known."""
        self._dialogue = dialogue
        self._errand = errand
        self._answerer = answerer
        self._member = member
        self._envelope = envelope
        self._settings = settings
        self._context = context
        self._log = log
        self._deadlines = Deadlines(settings.timeouts, log, end=end)
        self._way = way(member, settings=settings, log=log)

    async def pay(self, *, only_secure: bool = False) -> Visited:
        """Go through the whole dialogue, or only until TLS stands; the connection is closed, or left to the next."""
        try:
            visited = await self._paid(only_secure=only_secure)
        finally:
            await self._way.leave(self._deadlines.limit(Stage.QUIT).seconds)
        return self._remarked(visited)

    async def _paid(self, *, only_secure: bool) -> Visited:
        try:
            connection = await self._connected()
        except Unreached as unreached:
            return Visited(Ended(Ending.UNREACHABLE, Stage.CONNECT, str(unreached)))
        except OwnFailure as failure:
            return Visited(Ended(Ending.NOT_TRIED, Stage.CONNECT, str(failure)))
        return await self._spoken(connection, only_secure=only_secure)

    async def _connected(self) -> Connection:
        limit, since = self._deadlines.limit(Stage.CONNECT), self._log.elapsed()
        try:
            async with asyncio.timeout(limit.seconds):
                return await self._way.open()
        except TimeoutError as error:
            where = f"{self._member.name} at {self._member.endpoint}"
            raise Unreached(f"{where} did not take the connection {limit}") from error
        finally:
            self._log.spent(Stage.CONNECT, since)

    async def _spoken(self, connection: Connection, *, only_secure: bool) -> Visited:
        errand, left_open = self._errand, False
        try:
            dialogue = self._dialogue(
                self._envelope,
                settings=self._settings,
                peer=self._member.name,
                ehlo=self._settings.ehlo or own_name(connection.local[0]),
                keep=bool(errand and errand.opened(connection)),
                answerer=self._answerer,
            )
            carrier = self._carrier(connection, dialogue)
            await carrier.run(only_secure=only_secure)
            left_open = bool(errand and errand.ended(dialogue))
            if not left_open and self._log.replied_after(Stage.QUIT):
                await self._close(connection)
            connection.tls = self._seen(connection, dialogue)  # whoever takes it over sees no handshake
            return Visited(dialogue.ended, connection.tls, carrier.distrusted)
        finally:
            if not left_open:
                connection.abort()

    def _carrier(self, connection: Connection, dialogue: Dialogue) -> Carrier:
        name = self._settings.certified_name(self._member)
        return Carrier(
            connection,
            dialogue,
            tls=(self._context, name) if self._context else None,
            log=self._log,
            deadlines=self._deadlines,
            said=partial(self._errand.said, dialogue) if self._errand else _unheard,
        )

    def _seen(self, connection: Connection, dialogue: Dialogue) -> TlsSeen:
        seen, ended = replace(connection.tls, offered=dialogue.starttls_offered), dialogue.ended
        if seen.chain or not seen.offered or ended is None or self._settings.tls is Tls.NONE:
            return seen
        refused = f"{self._member.name} offers STARTTLS, and refuses it when it is asked for"
        return replace(seen, trouble=ended.reason if ended.stage is Stage.STARTTLS else refused)

    def _remarked(self, visited: Visited) -> Visited:
        ended = visited.ended
        if ended is None or ended.ending is Ending.ACCEPTED or not (remark := self._way.remark(ended.stage)):
            return visited
        return replace(visited, ended=replace(ended, reason=f"{ended.reason}; {remark}"))

    async def _close(self, connection: Connection) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._deadlines.limit(Stage.QUIT).seconds):
                await connection.close()


def _unheard(_: Stage) -> None:
    """Nobody waits."""


def own_name(address: str) -> str:
    """Return this host's full name, else its address as a literal (RFC 5321 4.1.4); no name is looked up."""
    if name := full_name():
        return name
    parsed = ip_address(address.partition("%")[0])
    return f"[IPv6:{parsed}]" if isinstance(parsed, IPv6Address) else f"[{parsed}]"


def full_name() -> str | None:
    """Return this host's own name, if it is a full one."""
    name = socket.gethostname()
    return name if "." in name.strip(".") and name.isascii() and name.isprintable() else None
