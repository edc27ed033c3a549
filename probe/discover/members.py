"""Makes members of hosts: one for each address, with a name that stays and is no address itself."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from probe.discover.hosts import Host
from probe.model.settings import Member
from probe.net.text import printable
from probe.ports import DiscoveryTrouble, Found

MOST_MEMBERS = 64
SHORTEST = timedelta(seconds=1)
LONGEST = timedelta(hours=1)
"""How soon, and how late at most, the members are looked up again, whatever the TTLs are."""


_LONGEST_NOTE = 1000


@dataclass(frozen=True, slots=True)
class Target:
    """A host that is to be probed, and where."""

    host: Host
    port: int
    preference: int | None = None


def found(pool: str, targets: Sequence[Target], *, ttl: timedelta, notes: Iterable[str] = ()) -> Found:
    """Return the members that the targets are, in their order, with what is wrong about any of them.

    Raises DiscoveryTrouble when there is none: a set is emptied only by a domain that says that it is empty.
    """
    members = tuple(_members(pool, targets))
    remarks = [*notes, *(target.host.note for target in targets if target.host.note)]
    if len(members) > MOST_MEMBERS:
        remarks.append(f"only {MOST_MEMBERS} of {len(members)} addresses are used")
    note = noted(remarks)
    if not members:
        raise DiscoveryTrouble(note or "")
    shortest = min([ttl, *(target.host.ttl for target in targets)])
    return Found(members[:MOST_MEMBERS], bounded(shortest), note)


def none_offered(ttl: timedelta, note: str) -> Found:
    """Return the empty set of a domain that says that it has none."""
    return Found((), bounded(ttl), note)


def noted(remarks: Iterable[str]) -> str | None:
    """Return what there is to say of an answer as one note of a bearable length."""
    return printable("; ".join(dict.fromkeys(remarks)), _LONGEST_NOTE) or None


def bounded(ttl: timedelta) -> timedelta:
    """Return how long an answer is believed."""
    return min(max(ttl, SHORTEST), LONGEST)


def _members(pool: str, targets: Sequence[Target]) -> Iterator[Member]:
    ports = defaultdict[str, set[int]](set)
    for target in targets:
        ports[target.host.name].add(target.port)
    for target in targets:
        host = target.host.name
        # Where a host is offered with several ports, they tell its members apart.
        label = host if len(ports[host]) == 1 else f"{host}-{target.port}"
        for address, suffix in _suffixes(target.host.addresses):
            yield Member(pool, label + suffix, address, target.port, host, target.preference)


def _suffixes(addresses: Sequence[str]) -> Iterator[tuple[str, str]]:
    for family, colon in (("-v4", False), ("-v6", True)):
        own = [address for address in addresses if (":" in address) is colon]
        yield from zip(own, [family] if len(own) == 1 else _digests(family, own), strict=True)


def _digests(family: str, addresses: Sequence[str]) -> list[str]:
    """Return a suffix for each address: as many digits of its digest, four or more, as tell them apart."""
    digests = [hashlib.sha256(address.encode()).hexdigest() for address in addresses]
    length = next(n for n in range(4, 65) if len({digest[:n] for digest in digests}) == len(digests))
    return [f"{family}-{digest[:length]}" for digest in digests]
