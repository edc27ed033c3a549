"""What the engine asks of those who find members, and what is published about them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from probe.model.certificate import Shown
from probe.model.settings import Member
from probe.model.tls_findings import Published
from probe.model.tls_seen import TlsSeen


class DiscoveryTrouble(Exception):
    """The members of a pool cannot be found now; the message says why, in one sentence."""


@dataclass(frozen=True, slots=True)
class Found:
    """The members that were found, and how long that holds."""

    members: tuple[Member, ...]
    ttl: timedelta
    note: str | None = None
    """What an operator should know of the answer, in one sentence; a domain that takes no mail, for example."""


class Finder(Protocol):
    """Finds the members of a pool."""

    async def find(self) -> Found:
        """Look the members up. Raises DiscoveryTrouble, on which the last good set is kept."""


class TlsPolicies(Protocol):
    """Knows what domains publish about TLS to their exchangers, and what certificates are worth."""

    async def published(self, domain: str, servers: Collection[tuple[str, int]]) -> Published:
        """Look up MTA-STS (RFC 8461) and DANE (RFC 7672) for a domain and its servers, by host and port.

        What fails is a part of the answer: nothing is raised, and it takes no longer than half a minute.
        """

    def shown(self, seen: TlsSeen, *, ca_file: Path | None, now: datetime) -> Shown | None:
        """Verify the chain that a server showed; None where it showed none that can be read."""
