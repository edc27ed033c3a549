"""The rules of a route about the way of its messages."""

from dataclasses import dataclass
from typing import Protocol


class Pattern(Protocol):
    """A compiled regular expression; to search takes a time that only grows with the text."""

    @property
    def pattern(self) -> str:
        """Return it as it was written."""

    def search(self, text: str, /) -> object | None:
        """Return something where it matches anywhere in the text."""


@dataclass(frozen=True, slots=True)
class PathRules:
    """What the way of a message must look like, by the names of the hosts that took it."""

    through: tuple[Pattern, ...] = ()
    """Each must match one of the hosts."""
    never: tuple[Pattern, ...] = ()
    """None may match any."""


NO_RULES = PathRules()
