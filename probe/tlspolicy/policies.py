"""All that is published about the exchangers of a domain, and what their certificates are worth."""

import asyncio
from collections.abc import Collection
from datetime import datetime
from pathlib import Path

from dns.rdatatype import RdataType

from probe.model.certificate import Shown
from probe.model.settings import Resolver
from probe.model.tls_findings import Published
from probe.model.tls_seen import TlsSeen
from probe.net.certificate import Authorities, shown
from probe.net.lookup import Lookup, absolute
from probe.ports import DiscoveryTrouble
from probe.tlspolicy.sts import HTTPS, StsSource
from probe.tlspolicy.tlsa import tlsa

_AT_ONCE = 32
"""How many servers are looked up at a time."""


class DnsTlsPolicies:
    """Asks the name servers of the config and the policy hosts; satisfies ``probe.ports.TlsPolicies``."""

    def __init__(self, resolver: Resolver, *, ca_file: Path | None = None, policy_port: int = HTTPS) -> None:
        """``ca_file`` answers for policy hosts; without it the system's authorities do."""
        self._lookup = Lookup(resolver)
        self._sts = StsSource(self._lookup, ca_file=ca_file, port=policy_port)
        self._authorities: dict[tuple[Path | None, int], Authorities | None] = {}

    async def published(self, domain: str, servers: Collection[tuple[str, int]]) -> Published:
        """Look up MTA-STS and DANE for a domain and its servers."""
        turns = asyncio.Semaphore(_AT_ONCE)
        asked = sorted(set(servers))
        (sts, mx_secure), answers = await asyncio.gather(
            asyncio.gather(self._sts.policy(domain), self._mx_is_secure(domain)),
            asyncio.gather(*(tlsa(self._lookup, host, port, turns=turns) for host, port in asked)),
        )
        return Published(domain, sts, mx_secure, dict(zip(asked, answers, strict=True)))

    def shown(self, seen: TlsSeen, *, ca_file: Path | None, now: datetime) -> Shown | None:
        """Verify the chain that a server showed."""
        return shown(seen.chain, whole=seen.whole, authorities=self._answering(ca_file), now=now)

    async def _mx_is_secure(self, domain: str) -> bool:
        try:
            return (await self._lookup.ask(absolute(domain), RdataType.MX)).secure
        except DiscoveryTrouble:
            return False

    def _answering(self, ca_file: Path | None) -> Authorities | None:
        """Return the authorities; a file that was exchanged is read again."""
        try:
            key = (ca_file, ca_file.stat().st_mtime_ns if ca_file else 0)
            if key not in self._authorities:
                self._authorities[key] = Authorities(ca_file)
            return self._authorities[key]
        except OSError:  # ssl.SSLError is one
            return None
