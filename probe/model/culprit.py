"""Who, or what, is to blame: in one word for programs, and in one sentence for people."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from ipaddress import ip_address, ip_network

from probe.model.blame import Finished, shared_fault
from probe.model.judge import clock_was_set, mailbox_was_unreadable
from probe.model.outcome import Outcome, Stage


class Culprit(StrEnum):
    """Who, or what, is to blame for failed probes, or for probes that prove nothing."""

    MEMBER = "member"
    SOME_MEMBERS = "some_members"
    """Several that have something in common, which the others do not have."""
    POOL = "pool"
    """What all members of the pool share."""
    ALL_POOLS = "all_pools"
    MAILBOX = "mailbox"
    """The mailbox, the recipient, or the way to it behind the members."""
    NETWORK = "network"
    """That of the probe itself."""
    DNS = "dns"
    CLOCK = "clock"
    """That of the probe itself."""
    PROBE = "probe"
    """The probe, or its host."""


@dataclass(frozen=True, slots=True)
class Blame:
    """Who or what is to blame, and why, as a clause that says where to look."""

    culprit: Culprit
    text: str
    fails: bool = True
    """False where nothing fails for sure, but nobody can tell."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How the members of a pool fare on one route."""

    pool: str
    route: str
    mailbox: str | None
    """None where its members are only asked."""
    latest: Sequence[Finished]
    """The latest probe of each that somebody can tell of."""
    newest: Sequence[Finished] = ()
    """The latest probe of each, whoever can tell of it."""


@dataclass(frozen=True, slots=True)
class Kin:
    """What a member may have in common with others."""

    address: str | None
    """None for a program on this host."""
    hosts: frozenset[str] = frozenset()
    """Those that its last message went through."""


def blame_of_route(here: Standing, others: Iterable[Standing]) -> Blame | None:
    """Say what is to blame where it works for no member on a route, or where nobody can tell of any; else None.

    ``others`` holds the standings on other routes, of this pool and of others. Of these only probes count that were
    sent since it began: those from before prove nothing about it.
    """
    if shared_fault(here.latest):
        began = min(probe.started for probe in here.latest)
        since = [
            Standing(other.pool, other.route, other.mailbox, [p for p in other.latest if p.started >= began])
            for other in others
        ]
        return _failing(here, [other for other in since if other.latest])
    if here.newest and all(probe.outcome is Outcome.UNKNOWN for probe in here.newest):
        return _unknown(here)
    return None


def blame_of_members(failing: Collection[str], kin: Mapping[str, Kin]) -> Blame:
    """Say what members have in common that fail, while the others of their pool do not."""
    common = next(_in_common(failing, kin), None) if len(failing) > 1 else None
    if common is None:
        return Blame(Culprit.MEMBER, "others of its pool fare better")
    names = sorted(failing)
    more = [f"{len(names) - _LISTED} more"] if len(names) > _LISTED else []
    return Blame(Culprit.SOME_MEMBERS, f"{' and '.join([*names[:_LISTED], *more])} fail, and they alone {common}")


def _failing(here: Standing, others: Sequence[Standing]) -> Blame:
    latest = here.latest
    if all(probe.out_of_reach for probe in latest):
        return _out_of_reach(here, [other for other in others if other.pool != here.pool])
    if all(_sender_unknown(probe) for probe in latest):
        return Blame(Culprit.DNS, "no member can look up the domain of the sender: look at the resolver that they ask")
    if all(probe.stage is Stage.RCPT and probe.outcome in _REFUSED for probe in latest):
        return Blame(
            Culprit.MAILBOX, "no member takes the recipient: look at its mailbox, and at what this probe may send"
        )
    if all(probe.outcome in _LOST for probe in latest) and (blame := _lost(here, others)):
        return blame
    if (elsewhere := _pools(others) - {here.pool}) and all(_none_works(other) for other in others):
        return Blame(
            Culprit.ALL_POOLS,
            f"it works by way of no pool, neither {here.pool} nor {_named(elsewhere)}: look at what all pools share",
        )
    return Blame(Culprit.POOL, "look at what they share")


def _out_of_reach(here: Standing, elsewhere: Sequence[Standing]) -> Blame:
    reached = [other for other in elsewhere if not all(probe.out_of_reach for probe in other.latest)]
    if reached:
        return Blame(
            Culprit.POOL,
            f"none can be reached, while members of {_named(_pools(reached))} can: "
            f"look at what the members of {here.pool} share, as a router or a firewall",
        )
    if elsewhere:
        return Blame(Culprit.NETWORK, "no member of any pool can be reached: look at the network of this host")
    return Blame(Culprit.POOL, "none can be reached: look at the network between this host and them")


def _lost(here: Standing, others: Sequence[Standing]) -> Blame | None:
    """Say on which side of the members mail is lost that they took, as far as other routes show it."""
    sent = [other for other in others if other.mailbox]
    by_us = [other for other in sent if other.pool == here.pool and other.mailbox != here.mailbox]
    if arrives := next((other for other in by_us if _all_arrive(other)), None):
        return Blame(
            Culprit.MAILBOX,
            f"by way of the same members mail arrives in the mailbox {arrives.mailbox} (route {arrives.route}): "
            f"look at the mailbox {here.mailbox} and at the way to it, not at the members",
        )
    to_it = [other for other in sent if other.pool != here.pool and other.mailbox == here.mailbox]
    if arrives := next((other for other in to_it if _all_arrive(other)), None):
        return Blame(
            Culprit.POOL,
            f"by way of {arrives.pool} mail arrives in the same mailbox (route {arrives.route}): "
            f"look at what the members of {here.pool} share, not at the mailbox",
        )
    if alike := [other for other in by_us if _none_arrives(other)]:
        mailboxes = _named({f"{here.mailbox}", *(f"{other.mailbox}" for other in alike)})
        return Blame(
            Culprit.POOL,
            f"no mail arrives in any of the mailboxes {mailboxes}: look at the members and at what they share",
        )
    if to_it and all(_none_arrives(other) for other in to_it):
        return Blame(
            Culprit.MAILBOX,
            f"by way of {_named(_pools(to_it))} none arrives there either: "
            f"look at the mailbox {here.mailbox} and at the way to it",
        )
    return None


def _unknown(here: Standing) -> Blame:
    newest = max(here.newest, key=lambda probe: probe.finished)
    culprit, why = Culprit.PROBE, newest.reason
    if clock_was_set(newest.reason):
        culprit = Culprit.CLOCK
    elif mailbox_was_unreadable(newest.reason):
        culprit, why = Culprit.MAILBOX, f"the mailbox {here.mailbox} could not be read"
    return Blame(culprit, f"nobody can tell: {why}", fails=False)


def _in_common(failing: Collection[str], kin: Mapping[str, Kin]) -> Iterator[str]:
    """Yield what is common to all of these members and to no other one, the narrowest first."""
    sick = [kin[name] for name in failing if name in kin]
    sound = [kin[name] for name in kin.keys() - failing]
    if not sound or not sick:
        return
    for words, traits in _TRAITS:
        shared = frozenset.intersection(*map(traits, sick)) - frozenset().union(*map(traits, sound))
        if shared:
            yield words.format(min(shared))


@lru_cache(maxsize=20_000)
def _network(address: str) -> frozenset[str]:
    length = 24 if ip_address(address).version == 4 else 64
    return frozenset({str(ip_network(f"{address}/{length}", strict=False))})


@lru_cache(maxsize=20_000)
def _family(address: str) -> frozenset[str]:
    return frozenset({f"IPv{ip_address(address).version}"})


_LISTED = 4
"""So many are named; of the others only the number."""
_TRAITS: tuple[tuple[str, Callable[[Kin], frozenset[str]]], ...] = (
    ("are in the network {}", lambda kin: _network(kin.address) if kin.address else frozenset()),
    ("are reached by {}", lambda kin: _family(kin.address) if kin.address else frozenset()),
    ("send by way of {}", lambda kin: kin.hosts),
)


def _sender_unknown(probe: Finished) -> bool:
    return probe.stage is Stage.MAIL and (probe.enhanced_code or "").endswith(".1.8")


def _all_arrive(standing: Standing) -> bool:
    return all(probe.outcome in _ARRIVED for probe in standing.latest)


def _none_arrives(standing: Standing) -> bool:
    return not any(probe.outcome in _ARRIVED for probe in standing.latest)


def _none_works(standing: Standing) -> bool:
    return all(probe.failed for probe in standing.latest)


def _pools(standings: Iterable[Standing]) -> set[str]:
    return {standing.pool for standing in standings}


def _named(names: Iterable[str]) -> str:
    return " and ".join(sorted(names))


_ARRIVED = frozenset({Outcome.DELIVERED, Outcome.JUNKED, Outcome.ALTERED, Outcome.MISROUTED})
_LOST = frozenset({Outcome.MISSING, Outcome.BOUNCED})
_REFUSED = frozenset({Outcome.REJECTED, Outcome.DEFERRED})
