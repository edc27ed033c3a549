"""What a look at a message that arrived brought to light."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Findings:
    """What is known of an arrived message beside where and when it was seen; each thing in words for a person."""

    altered: str | None = None
    """How its body is not the one that was sent, where the route does not allow that."""
    misrouted: str | None = None
    """Which rule of its route its path breaks."""
    changes: tuple[str, ...] = ()
    """How its path is not that of the messages before it."""
    notes: tuple[str, ...] = ()
    """What else a reader of its life wants to know, and what decides nothing."""
    authentication: tuple[tuple[str, str], ...] = ()
    """SPF, DKIM and DMARC with their results, as far as a trusted server told them."""
    spam: tuple[str, ...] = ()
    """What a spam filter wrote into its header, of a message that lies in the junk folder."""


NOTHING_FOUND = Findings()
