"""What is wrong with a config, where, and what would be right."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from pydantic_core import PydanticCustomError

from probe.net.text import printable

Place: TypeAlias = tuple[str | int, ...]
"""The way from the top of the config to a value: keys, and positions in lists."""

REFUSAL = "refusal"
"""The type of every error that `refusal` makes."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a config, in words for the person who wrote it."""

    file: str
    line: int
    path: str
    """The dotted path of the value; empty for the file as a whole."""
    wrong: str
    right: str

    def __str__(self) -> str:
        place = f"{self.path}: " if self.path else ""
        return f"{self.file}:{self.line}: {place}{self.wrong}; {self.right}"


class ConfigError(Exception):
    """A config that cannot be used; prints as one line for each of its problems."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


def refusal(wrong: str, right: str, *, at: Place = ()) -> PydanticCustomError:
    """Return the error by which a validator refuses its value, or what stands ``at`` a place below it."""
    return PydanticCustomError(REFUSAL, "{wrong}; {right}", {"wrong": wrong, "right": right, "at": at})


def quoted(text: str | Path) -> str:
    """Return text from the config in quotes, safe to show and of a bearable length; the name of a file in full."""
    return f'"{printable(str(text), 4096 if isinstance(text, Path) else 60)}"'


def dotted(place: Place) -> str:
    """Return a place as people write it."""
    return ".".join(printable(str(step), 64) for step in place)


def reason(error: OSError | ValueError) -> str:
    """Return in a few words why a file could not be read."""
    # A file name with a NUL is no OSError, but a ValueError.
    return getattr(error, "strerror", None) or "this is not the name of a file"
