"""How a dialogue ends: what a reply means for the whole of it, decided by its first digit alone."""

from collections.abc import Generator
from dataclasses import dataclass

from probe.model.outcome import Stage
from probe.model.reply import Ending, Reply
from probe.net.text import printable
from probe.smtp.commands import Step


@dataclass(frozen=True, slots=True)
class Ended:
    """How a dialogue ended, and what decided it."""

    ending: Ending
    stage: Stage
    reason: str
    reply: Reply | None = None


Script = Generator[Step, Reply, Ended | None]
"""Yields steps, is sent their replies, and returns an ending where it comes to one."""


def against(peer: str, stage: Stage, reply: Reply, *, wanted: int = 2) -> Ended | None:
    """Return the ending that a reply means before the final dot, None where it lets us go on."""
    if reply.code // 100 == wanted:
        return None
    if not reply.positive:
        return refused(stage, reply)
    return Ended(Ending.UNREACHABLE, stage, f"{peer} answered out of turn at {stage}: {cut(reply)}", reply)


def refused(stage: Stage, reply: Reply) -> Ended:
    """Return the ending that a refusal means, 4yz or 5yz."""
    ending = Ending.REFUSED_FOR_NOW if reply.transient else Ending.REFUSED
    return Ended(ending, stage, f"{stage} refused: {cut(reply)}", reply)


def unfit(peer: str, stage: Stage, lack: str) -> Ended:
    """Return the ending for a server that cannot do what is required."""
    return Ended(Ending.UNREACHABLE, stage, f"{peer} {lack}")


def cut(reply: Reply) -> str:
    """Return a reply for a sentence."""
    return printable(str(reply))
