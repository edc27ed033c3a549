"""Words and colours: what a number means, the same on every dashboard."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

GOOD, NOTE, BAD, NEUTRAL = "green", "orange", "red", "#808080"

Steps = Sequence[tuple[float | None, str]]
"""From which number on which colour is shown; the first stands for all below, and has none."""


@dataclass(frozen=True, slots=True)
class Word:
    """What one number means; colours are never all there is to tell states by."""

    value: int
    text: str
    colour: str


VERDICTS = (Word(0, "down", BAD), Word(1, "unknown", NEUTRAL), Word(2, "up", GOOD))
ASIDE = (
    Word(0, "judged by its probes", GOOD),
    Word(1, "held by hand", NOTE),
    Word(2, "in maintenance", "blue"),
    Word(3, "held by hand in maintenance", NOTE),
)
SERVERS = (
    Word(0, "down", BAD),
    Word(1, "out for maintenance", NEUTRAL),
    Word(2, "draining", NOTE),
    Word(3, "up, gets nothing new", NOTE),
    Word(4, "up", GOOD),
)
SUCCESS = (Word(0, "unexpected", BAD), Word(1, "as expected", GOOD))
READABLE = (Word(0, "cannot be read", BAD), Word(1, "can be read", GOOD))
PRESENT = (Word(0, "no", GOOD), Word(1, "yes", BAD))
PASSED = (Word(0, "not passed", BAD), Word(1, "passed", GOOD))
SOUND = (Word(0, "bad", BAD), Word(1, "good", GOOD))

OUTCOMES = {
    "unknown": NEUTRAL,
    "junked": "yellow",
    "deferred": "light-orange",
    "altered": "purple",
    "misrouted": "blue",
    "rejected": NOTE,
    "unreachable": "dark-orange",
    "bounced": "semi-dark-red",
    "missing": BAD,
    "accepted": "semi-dark-green",
    "delivered": GOOD,
}
"""How probes end, the worse after the better where none of them is expected."""
WELCOME = ("accepted", "delivered")
"""What is bad only where something else is expected: mail that a test of filters should not get through."""
ENDS = (
    Word(1, "as expected", GOOD),
    *(
        Word(value, f"{outcome} all the same" if outcome in WELCOME else outcome, BAD if outcome in WELCOME else colour)
        for value, (outcome, colour) in enumerate(OUTCOMES.items(), start=2)
    ),
)
"""What a box says of the probes that ended in it; of several the highest."""

ALWAYS_NEUTRAL: Steps = ((None, NEUTRAL),)
GOOD_AT_ZERO: Steps = ((None, GOOD), (1, BAD))
NOTED_ABOVE_ZERO: Steps = ((None, GOOD), (1, NOTE))
BUDGET: Steps = ((None, BAD), (0, NOTE), (0.25, GOOD))
CERTIFICATE: Steps = ((None, BAD), (3 * 86400, NOTE), (14 * 86400, GOOD))


def words(meanings: Sequence[Word]) -> list[dict[str, Any]]:
    """Return the value mapping of a field."""
    options = {
        str(word.value): {"text": word.text, "color": word.colour, "index": place}
        for place, word in enumerate(meanings)
    }
    return [{"type": "value", "options": options}]


def thresholds(steps: Steps) -> dict[str, Any]:
    """Return the thresholds of a field."""
    return {"mode": "absolute", "steps": [{"color": colour, "value": least} for least, colour in steps]}
