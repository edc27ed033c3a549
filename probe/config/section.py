"""What all parts of the config have in common: strictness, and rules between neighbouring keys."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar, cast

from pydantic import BaseModel, ConfigDict, ValidationInfo

from probe.config.problems import Problem, refusal

Value = TypeVar("Value")


class Section(BaseModel):
    """A mapping of the config: known keys only, no conversions, never changed."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a value is judged by besides itself."""

    folder: Path
    """Relative file names start here."""
    environment: Mapping[str, str]
    pools: tuple[str, ...] = ()
    mailboxes: tuple[str, ...] = ()
    without_folders: frozenset[str] = frozenset()
    """The mailboxes that are read over POP3."""
    sends: bool = True
    """Whether messages are sent on any route."""
    warnings: list[str] = field(default_factory=list)
    elsewhere: list[Problem] = field(default_factory=list)
    """What is wrong with other files that the config names."""


def surroundings(info: ValidationInfo) -> Surroundings:
    """Return what the value under validation is surrounded by."""
    return cast(Surroundings, info.context)


def one_of(value: Value, info: ValidationInfo, *, other: str) -> Value:
    """Return the value of a key if it, or else the ``other`` one before it, is written, and not both."""
    if other not in info.data:
        return value  # the other is wrong, and that has been said
    if value is None and info.data[other] is None:
        raise refusal(f"is missing, and so is {other}", "write one of the two")
    if value is not None and info.data[other] is not None:
        raise refusal(f"stands beside {other}", "keep one of the two")
    return value
