"""The words of HAProxy's agent-check (configuration.txt, `agent-check`), as far as the probe ever says them."""

from probe.model.answer import Answer
from probe.net.text import printable

UP = "up"
NO_CHANGE = "# unknown"
"""Only a description: HAProxy leaves everything as it is, and so a member that was called down stays down."""
LONGEST = 119
"""Octets of a line without its end, so that it has 120 in all: HAProxy cuts descriptions at 127."""

_DOWN = "down #"
# HAProxy passes a description raw into the CSV and the page of its statistics.
_HARMLESS = str.maketrans({",": ";", '"': None, "'": None, "<": "(", ">": ")"})


def words_for(answer: Answer) -> str:
    """Return what HAProxy is told about a member, without the end of the line."""
    if answer.unchanged:
        return NO_CHANGE
    return UP if answer.in_service else _DOWN + _description(answer.verdict.reason)


def _description(reason: str) -> str:
    safe = printable(reason, LONGEST + 1).translate(_HARMLESS).encode("ascii", "replace").decode("ascii")
    longest = LONGEST - len(_DOWN)
    return safe if len(safe) <= longest else safe[: longest - 3] + "..."
