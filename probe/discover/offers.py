"""What a domain offers in its MX or SRV records, made into members."""

from collections.abc import Iterable
from datetime import timedelta
from typing import NamedTuple

from dns.name import Name

from probe.discover.hosts import Hosts
from probe.discover.members import Target, found
from probe.ports import Found

MOST_HOSTS = 32


class Offer(NamedTuple):
    """A host that a domain names for its service; offers sort as a sender prefers them."""

    preference: int
    host: Name
    port: int


async def take_up(
    offers: Iterable[Offer], hosts: Hosts, *, pool: str, ttl: timedelta, notes: Iterable[str] = ()
) -> Found:
    """Look up the hosts that are offered. Raises DiscoveryTrouble when none of them has an address."""
    best = {(offer.host, offer.port): offer for offer in sorted(offers, reverse=True)}
    names = list(dict.fromkeys(offer.host for offer in sorted(best.values())))
    if len(names) > MOST_HOSTS:
        notes = [*notes, f"only {MOST_HOSTS} of {len(names)} hosts are used"]
        names = names[:MOST_HOSTS]
    # RFC 5321 5.1 and RFC 2782: what is offered must not be an alias.
    by_name = dict(zip(names, await hosts.look_up(names, aliases=False), strict=True))
    targets = [
        Target(by_name[offer.host], offer.port, offer.preference)
        for offer in sorted(best.values())
        if offer.host in by_name
    ]
    return found(pool, targets, ttl=ttl, notes=notes)
