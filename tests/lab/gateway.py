"""A gateway between the members and Dovecot, through which mail can be sent to be altered."""

import sys
from enum import IntEnum
from pathlib import Path

from tests.lab.guard import Guard
from tests.lab.server import Server
from tests.lab.site import Endpoint


class Altered(IntEnum):
    """How the gateway alters what it is given; the value is the port that it is given at (see gateway_program)."""

    DAMAGE = 1030
    FOOTER = 1031
    CUT = 1032
    ENCODE = 1033
    QUOTE = 1034


class Gateway(Server):
    """Takes mail by LMTP, alters it, and hands it to Dovecot for the monitor."""

    def __init__(self, *, store: Endpoint, home: Path, guard: Guard) -> None:
        program = Path(__file__).with_name("gateway_program.py")
        home.mkdir()
        super().__init__(
            "gateway",
            [sys.executable, program, store.address, store.port],
            greets=Endpoint(store.address, int(Altered.QUOTE)),
            log=home / "gateway.log",
            guard=guard,
        )
        self._address = store.address

    def transport(self, altered: Altered) -> str:
        """Return the transport by which Postfix sends mail through the gateway."""
        return f"lmtp:inet:{self._address}:{altered}"
