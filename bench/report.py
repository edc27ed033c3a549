"""What a measurement came to: a short table with a verdict against each goal."""

import math
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table; without a goal it is there to be known."""

    name: str
    value: str
    reference: str = ""
    goal: str = ""
    met: bool = True


def conclude(title: str, figures: Sequence[Figure]) -> int:
    """Print the table and return the exit code: 1 when a goal was missed."""
    print(f"\n{title}")
    print(f"({os.cpu_count()} cores, {platform.python_implementation()} {platform.python_version()}, {_load()})\n")
    rows = [("", "measured", "reference", "goal", ""), *(_row(figure) for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    for name, *cells in rows:
        print("  ".join([name.ljust(widths[0]), *map(str.rjust, cells, widths[1:])]).rstrip())
    missed = sum(not figure.met for figure in figures)
    print(f"\n{missed} of the goals missed" if missed else "\nall goals met")
    return min(missed, 1)


def quantile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that so large a share of them does not exceed (nearest rank); of nothing, nan."""
    if not values:
        return math.nan
    return sorted(values)[max(math.ceil(share * len(values)), 1) - 1]


def ratio(measured: float, reference: float) -> str:
    """Write how many times the reference something is."""
    return f"{measured / reference:.2f} x" if reference else "-"


def milliseconds(seconds: float) -> str:
    """Write a duration in milliseconds."""
    return f"{seconds * 1000:.1f} ms"


def _row(figure: Figure) -> tuple[str, str, str, str, str]:
    verdict = ("met" if figure.met else "MISSED") if figure.goal else ""
    return figure.name, figure.value, figure.reference, figure.goal, verdict


def _load() -> str:
    return f"load {os.getloadavg()[0]:.1f} over the last minute"
