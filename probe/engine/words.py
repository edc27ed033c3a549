"""What operators say of members: holds, as the ledger keeps them, and maintenance, as the config plans it."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from probe.model.hold import Hold
from probe.model.maintenance import open_windows
from probe.model.overruling import NO_WORD, Word
from probe.model.settings import Maintenance, MemberKey


class Words:
    """Hold what was said, and tell what of it is valid now."""

    def __init__(self, plans: Sequence[Maintenance]) -> None:
        self._plans = plans
        self._holds: Mapping[MemberKey, Hold] = {}

    def hear(self, holds: Mapping[MemberKey, Hold]) -> None:
        """Take up all holds that there are."""
        self._holds = holds

    def on(self, pool: str, names: Collection[str], *, now: datetime) -> Word:
        """Return what is said of the members of a pool."""
        if not self._holds and not self._plans:
            return NO_WORD
        lasting = ((name, self._holds.get((pool, name))) for name in names)
        holds = {name: hold for name, hold in lasting if hold and hold.lasts(now)}
        return Word(holds, open_windows(self._plans, pool, names, now=now))
