"""Dials a member's own address and port, and says by a PROXY header who dials where that is wanted."""

import asyncio

from probe.model.outcome import Stage
from probe.model.settings import Member, ProxyProtocol, SmtpSettings
from probe.smtp.connection import Connection
from probe.smtp.failures import OwnFailure, not_connected
from probe.smtp.log import Log
from probe.smtp.proxy import header

_BEFORE_A_HEADER_IS_UNDERSTOOD = (Stage.CONNECT, Stage.BANNER, Stage.EHLO)


class Tcp:
    """The way to a member that has an address; satisfies ``probe.smtp.ways.Way``."""

    def __init__(self, member: Member, *, settings: SmtpSettings, log: Log) -> None:
        assert member.address is not None
        self._member = member
        self._address = member.address
        self._source = settings.source_address
        self._proxy = settings.proxy_protocol
        self._log = log
        self._announced = False

    async def open(self) -> Connection:
        """Connect, and announce ourselves."""
        self._check_source()
        try:
            connection = await self._connected()
        except OSError as error:
            raise not_connected(error, peer=self._member.name, endpoint=self._member.endpoint) from error
        if self._proxy is not ProxyProtocol.NONE:
            self._announce(connection)
        return connection

    async def leave(self, longest_seconds: float) -> None:
        """Do nothing: all there is to it is the connection."""

    def remark(self, stage: Stage) -> str | None:
        """Tell of the header, where it may not have been understood."""
        if self._announced and stage in _BEFORE_A_HEADER_IS_UNDERSTOOD:
            return f"it had been sent a PROXY header first (proxy_protocol: {self._proxy})"
        return None

    def _check_source(self) -> None:
        # Left to the loop this would be one of several errors, by the loop in use.
        if self._source and (":" in self._source) is not (":" in self._address):
            raise OwnFailure(
                f"source_address {self._source} cannot reach {self._member.endpoint}: IPv4 and IPv6 differ"
            )

    async def _connected(self) -> Connection:
        local = (self._source, 0) if self._source else None
        _, connection = await asyncio.get_running_loop().create_connection(
            lambda: Connection(self._member.name), self._address, self._member.port, local_addr=local
        )
        return connection

    def _announce(self, connection: Connection) -> None:
        address, port = connection.local
        source, destination = (_bare(address), port), (_bare(self._address), self._member.port)
        self._log.sending()
        connection.announce(header(self._proxy, source=source, destination=destination))
        self._announced = True


def _bare(address: str) -> str:
    """Return an address without its zone (RFC 4007 11), which means nothing on another host."""
    return address.partition("%")[0]
