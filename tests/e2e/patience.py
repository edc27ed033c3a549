"""Waiting for real servers: asking again and again, never longer than said."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

ASK_EVERY_SECONDS = 0.05
BUSY_MACHINE = 3
"""So many times longer may it take where much else goes on, and nobody was promised anything."""


def eventually(question: Callable[[], T], *, within_seconds: float, what: str = "it", promised: bool = False) -> T:
    """Return the first answer that is true; fail when none comes in the time that was promised, or in good time."""
    within_seconds *= 1 if promised else BUSY_MACHINE
    give_up = time.monotonic() + within_seconds
    while not (answer := question()):
        assert time.monotonic() < give_up, f"waited {within_seconds} s in vain for {what}"
        time.sleep(ASK_EVERY_SECONDS)
    return answer


def let_pass(seconds: float) -> None:
    """Let a time pass in which something must not happen, or goes on happening."""
    time.sleep(seconds)
