"""The way of a message through hosts: whether it keeps the rules of its route, and whether it is the usual one."""

import re
from collections.abc import Iterable, Sequence

from probe.model.letter import Hop
from probe.model.rules import PathRules

Signature = tuple[tuple[str, bool | None], ...]
"""The hosts of a way by name, and whether each took the message over TLS; None where it does not say."""

_ADDRESS = re.compile(r"[\d.]+|\[.*|.*:.*")
_MOST_NAMES = 8
_LONGEST_NAME = 80


def broken_rule(rules: PathRules, hops: Sequence[Hop]) -> str | None:
    """Say which rule a way breaks, and where; None where it breaks none, or nobody can tell.

    A hop whose line cannot be read may be the one that is asked for, but never one that is forbidden.
    """
    named = [hop.by for hop in hops if hop.by]
    for rule in rules.never:
        for name in named:
            if rule.search(name):
                return f'it went through {_cut(name)}, which path.never "{rule.pattern}" forbids'
    if not hops or len(named) < len(hops):
        return None
    for rule in rules.through:
        if not any(rule.search(name) for name in named):
            return f'no hop is one that path.through "{rule.pattern}" asks for: it went through {_listed(named)}'
    return None


def signature(hops: Iterable[Hop]) -> Signature:
    """Return by what a way is compared with others; hosts that give an address for a name are left out."""
    return tuple((hop.by.lower(), hop.tls) for hop in hops if hop.by and not _ADDRESS.fullmatch(hop.by))


def changes(way: Signature, before: Sequence[Signature]) -> tuple[str, ...]:
    """Say how a way differs from all of those before it; a farm whose hosts take turns is no change."""
    if not way or not before:
        return ()
    names = [name for name, _ in way]
    known = [{name for name, _ in each} for each in before]
    new = [name for name in dict.fromkeys(names) if not any(name in each for each in known)]
    gone = [name for name, _ in before[-1] if name not in names and all(name in each for each in known)]
    return (
        *(f"a hop is new: {_cut(name)}" for name in new),
        *(f"a hop is gone: {_cut(name)}" for name in dict.fromkeys(gone)),
        *_reordered(names, before),
        *(f"{_cut(name)} no longer took the message over TLS" for name in _lost_tls(way, before)),
    )


def _reordered(names: list[str], before: Sequence[Signature]) -> list[str]:
    orders = [[name for name, _ in each] for each in before]
    alike = [order for order in orders if sorted(order) == sorted(names)]
    return [f"the hops are in another order: {_listed(names)}"] if alike and names not in alike else []


def _lost_tls(way: Signature, before: Sequence[Signature]) -> list[str]:
    protected = {name for each in before for name, tls in each if tls}
    bare = {name for each in before for name, tls in each if not tls}
    return [name for name, tls in dict.fromkeys(way) if tls is False and name in protected - bare]


def _listed(names: Sequence[str]) -> str:
    more = ", …" if len(names) > _MOST_NAMES else ""
    return ", ".join(_cut(name) for name in names[:_MOST_NAMES]) + more


def _cut(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else name[:_LONGEST_NAME] + "…"
