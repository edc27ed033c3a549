"""Whether the member that was dialled stamped the message: by its names, or by the queue id in its reply."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from probe.model.letter import Hop
from probe.model.outcome import Stage
from probe.model.reply import Exchange

_SHORTEST_ID = 5
"""Shorter words of a reply may stand in it by chance."""


def stamp_of(hops: Sequence[Hop], transcripts: Iterable[Sequence[Exchange]]) -> int | None:
    """Return which hop is the member's own, counted from 0; None where it is none of them."""
    said = list(chain.from_iterable(transcripts))
    queued = {word for words in _replies(said, Stage.BODY) for word in words if len(word) >= _SHORTEST_ID}
    names = {words[0].lower() for stage in (Stage.BANNER, Stage.EHLO) for words in _replies(said, stage) if words}
    for number, hop in enumerate(hops):
        if hop.id in queued or hop.by.lower() in names:
            return number
    return None


def _replies(transcript: Sequence[Exchange], stage: Stage) -> Iterator[list[str]]:
    for exchange in transcript:
        if exchange.stage is stage and exchange.reply:
            yield [word.strip("<>[](),;.") for word in " ".join(exchange.reply.lines).replace("=", " ").split()]
