"""Who was called down, and when one comes back while another goes in its place: never both out at once."""

from collections.abc import Callable
from datetime import datetime, timedelta

from probe.model.settings import MemberKey


class Handover:
    """Remember what was answered last, for balancers ask about each member at a moment of its own.

    A balancer that hears of the one that goes before it hears of the one that comes back would have more members out
    than there are verdicts, in a small pool all of them. So the one that goes waits.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._out: set[MemberKey] = set()
        self._back: dict[MemberKey, datetime] = {}

    def has_out(self, member: MemberKey) -> bool:
        """Tell whether down is the last that was answered about a member."""
        return member in self._out

    def owes_a_word(self, *, heard_within: timedelta) -> bool:
        """Tell whether some balancer may still have a member out, because it was answered so."""
        return bool(self._out or self._just_back(heard_within))

    def up(self, member: MemberKey) -> None:
        """Note that a member is called up."""
        if member in self._out:
            self._out.remove(member)
            self._back[member] = self._now()

    def down(self, member: MemberKey, since: datetime, *, most: int, heard_within: timedelta) -> bool:
        """Note that a member is called down, and return True; False while it has to wait.

        ``since``: from when its verdict is down. ``most``: so many may be out of its pool. ``heard_within``: so long it
        takes until every balancer has heard what is said.
        """
        now = self._now()
        self._back = self._just_back(heard_within)
        others = {other for other in {*self._out, *self._back} if other[0] == member[0]} - {member}
        if member not in self._out and abs(now - since) < heard_within and len(others) >= most:
            return False
        self._out.add(member)
        self._back.pop(member, None)
        return True

    def _just_back(self, heard_within: timedelta) -> dict[MemberKey, datetime]:
        now = self._now()
        return {member: at for member, at in self._back.items() if abs(now - at) < heard_within}
