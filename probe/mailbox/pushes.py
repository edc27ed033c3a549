"""Whether a server can be relied on to push what comes while a session idles."""

SUSPICIONS = 2
"""So many times in a row: what comes in the last moment of an IDLE is seldom told in time, and seldom comes then."""


class Pushes:
    """Compare what IDLE told with what asking found right after it."""

    def __init__(self, *, worth_seconds: float) -> None:
        """``worth_seconds``: a shorter IDLE proves nothing, because servers hold pushes back for a while."""
        self._worth_seconds = worth_seconds
        self._suspicions = 0
        self._told_nothing = False

    @property
    def are_missing(self) -> bool:
        """Tell whether the server keeps IDLE open and pushes nothing."""
        return self._suspicions >= SUSPICIONS

    def idled(self, seconds: float, *, told: bool, cut_short: bool) -> None:
        """Take note of an IDLE that lasted so long, whether it told of a change, and whether we ended it early."""
        self._told_nothing = not told and not cut_short and seconds >= self._worth_seconds
        if told:
            self._suspicions = 0

    def asked(self, *, news: bool) -> None:
        """Take note of what a question brought, the first after an IDLE."""
        if self._told_nothing and news:
            self._suspicions += 1
        self._told_nothing = False
