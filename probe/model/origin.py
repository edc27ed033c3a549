"""How it came to be known where a member is dialled."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Origin:
    """Who named the address of a member, in words, and when; no moment for one that was written down."""

    words: str
    at: datetime | None = None


WRITTEN_DOWN = Origin("as the config has it")
VIP_WRITTEN_DOWN = Origin("the address of its VIP, as the config has it")
