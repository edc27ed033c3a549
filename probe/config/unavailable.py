"""Keys that belong to the config, but not yet to this version: refused by name."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from probe.config.document import Document
from probe.config.problems import Place

ANY = "*"


@dataclass(frozen=True, slots=True)
class Unavailable:
    """A key of the config, or some of its values."""

    place: tuple[str, ...]
    values: tuple[str | bool, ...] = ()
    """Empty: all of them."""


UNAVAILABLE = (Unavailable(("notify",)),)


def strike(document: Document) -> set[Place]:
    """Take what this version does not have out of a document, as its problems; return the places concerned."""
    struck: set[Place] = set()
    for row in UNAVAILABLE:
        for mapping, place in list(_holders(document.value, row.place)):
            value = mapping[row.place[-1]]
            if row.values and value not in row.values:
                continue
            word = f"{str(value).lower()} is" if row.values else "is"
            document.refuse(place, f"{word} not available in this version", "leave it out")
            del mapping[row.place[-1]]
            struck.add(place)
    return struck


def _holders(value: Any, pattern: tuple[str, ...], place: Place = ()) -> Iterator[tuple[dict[str, Any], Place]]:
    """Yield every mapping that holds the last key of a pattern, and the place of that key."""
    if not isinstance(value, dict):
        return
    first, *rest = pattern
    for key in list(value) if first == ANY else [first] if first in value else []:
        if rest:
            yield from _holders(value[key], tuple(rest), (*place, key))
        else:
            yield value, (*place, key)
