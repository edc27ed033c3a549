"""The form in which monitoring plug-ins speak: Nagios, Icinga and their kin (monitoring-plugins' guidelines)."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

LONGEST_TEXT = 80
"""Characters before the performance data, by the guidelines."""


class Status(IntEnum):
    """What a plug-in says by its exit code."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


WORST_FIRST = (Status.CRITICAL, Status.UNKNOWN, Status.WARNING, Status.OK)
"""Where several hold: not to know is worse than a warning, as for ``mailflow once``."""


@dataclass(frozen=True, slots=True)
class Range:
    """The values that are in order; ``@`` in front turns it round."""

    written: str
    start: float = 0
    end: float = float("inf")
    inverted: bool = False

    @classmethod
    def parse(cls, written: str) -> "Range":
        """Read ``[@][start:][end]``; ``~`` as the start is minus infinity. Raises ValueError with a sentence."""
        match = _RANGE.fullmatch(written)
        if match is None or not (match["start"] or match["colon"] or match["end"]):
            raise ValueError(f"{written!a} is not a range; write 10, 10:, ~:10, 10:20 or @10:20")
        start = float("-inf") if match["start"] == "~" else float(match["start"] or 0)
        end = float(match["end"]) if match["end"] else float("inf")
        if start > end:
            raise ValueError(f"{written!a} begins above its end; write the lower number first")
        return cls(written, start, end, inverted=bool(match["at"]))

    def alerts(self, value: float) -> bool:
        """Tell whether a value is out of order; both ends are inside."""
        return (self.start <= value <= self.end) is self.inverted


_RANGE = re.compile(r"(?P<at>@)?(?:(?P<start>~|-?\d+(?:\.\d+)?)?(?P<colon>:))?(?P<end>-?\d+(?:\.\d+)?)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Item:
    """One measurement of the performance data."""

    label: str
    value: float | None
    """None where it is not determined."""
    unit: str = ""
    warning: Range | None = None
    critical: Range | None = None
    lowest: float | None = None
    highest: float | None = None

    def __str__(self) -> str:
        value = "U" if self.value is None else f"{_number(self.value)}{self.unit}"
        ranges = ("" if limit is None else limit.written for limit in (self.warning, self.critical))
        bounds = ("" if bound is None else _number(bound) for bound in (self.lowest, self.highest))
        return f"{self.label}={';'.join((value, *ranges, *bounds)).rstrip(';')}"


def output(service: str, status: Status, text: str, *, items: Sequence[Item] = (), further: Iterable[str] = ()) -> str:
    """Return what a plug-in prints: one line with its performance data, and further lines where they are wanted."""
    head = f"{service} {status.name}: "
    first = head + _cut(harmless(text), LONGEST_TEXT - len(head))
    measured = f" | {' '.join(map(str, items))}" if items else ""
    return "\n".join([first + measured, *map(harmless, further)])


def harmless(text: str) -> str:
    """Return text in which nothing is left that parsers of plug-ins, or pages that show it, trip over."""
    spoken = text.translate(_STAND_INS).encode("ascii", "replace").decode()
    return " ".join("".join(each if each.isprintable() else " " for each in spoken).split())


_STAND_INS = str.maketrans({"|": "/", "<": "(", ">": ")", "…": "..."})


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 3].rstrip()}..."


def _number(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".")
