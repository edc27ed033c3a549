"""A config whose rounds and deadlines are short enough to be watched, and what follows from it."""

from pathlib import Path
from typing import Any

from tests.lab import Laboratory
from tests.lab.config import merged

INTERVAL_SECONDS = 1
DEADLINE_SECONDS = 3
FALL = 3
GRACE_SECONDS = 5
"""How long after its deadline a probe waits for a mailbox that cannot be read."""
SETTLED_SECONDS = DEADLINE_SECONDS + GRACE_SECONDS + 2
"""After so long every probe has its outcome, whatever happened."""


def quick_config(lab: Laboratory, home: Path, **overrides: Any) -> dict[str, Any]:
    """Return the laboratory's config with short times, its state in `home`, and `overrides` laid over it."""
    quick = lab.config(
        state=f"sqlite:///{home}/mailflow.db",
        pools={"vip": {"smtp": {"timeouts": {"connect": "1s", "reply": "2s", "total": "4s"}}}},
        routes={
            "inbound": {
                "interval": f"{INTERVAL_SECONDS}s",
                "deadline": f"{DEADLINE_SECONDS}s",
                "retry": {"attempts": 1},
            }
        },
        health={"fall": FALL},
    )
    return merged(quick, overrides)


def only(lab: Laboratory, *names: str) -> dict[str, Any]:
    """Return the members of a pool that has no others."""
    return {name: f"{lab.member(name).address}:{lab.member(name).port}" for name in names}
