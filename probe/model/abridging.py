"""What is kept of a story that a server makes too long: its beginning and its end, and how much was left out."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from probe.model.reply import Exchange, Reply

LONGEST_REPLY = 1500
"""Characters of a reply that are kept whole: twice what common servers answer to EHLO."""
BEGINNING = 1000
END = 400

FIRST_ATTEMPTS = 10
LAST_ATTEMPTS = 10
"""Of how many attempts the transcripts are kept; what came of the others is kept all the same."""

FIRST_EVENTS = 200
LAST_EVENTS = 100
"""How many events of a life are told."""


def abridged(transcript: Iterable[Exchange]) -> tuple[Exchange, ...]:
    """Return a transcript in which no reply is longer than is kept."""
    return tuple(
        replace(exchange, reply=_cut(exchange.reply)) if exchange.reply else exchange for exchange in transcript
    )


def is_kept(number: int, *, attempts: int) -> bool:
    """Tell whether the transcript of an attempt is kept, now that there were so many."""
    return number <= FIRST_ATTEMPTS or number > attempts - LAST_ATTEMPTS


def few(texts: Sequence[str], most: int = 10) -> tuple[str, ...]:
    """Return the first of many texts, and how many more there are."""
    return tuple(texts) if len(texts) <= most else (*texts[: most - 1], f"and {len(texts) - most + 1} more")


def _cut(reply: Reply) -> Reply:
    text = "\n".join(reply.lines)
    if len(text) <= LONGEST_REPLY:
        return reply
    left_out = f"[{len(text) - BEGINNING - END} characters left out]"
    return replace(reply, lines=(*_lines(text[:BEGINNING]), left_out, *_lines(text[-END:])))


def _lines(text: str) -> list[str]:
    return text.strip("\n").split("\n")
