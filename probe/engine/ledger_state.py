"""Whether the ledger works: told once when it begins to fail, and once when it works again."""

from probe.engine.happenings import LedgerFailed, LedgerWorks, Reporter
from probe.ports import LedgerTrouble


class LedgerState:
    """Remember whether the last call of the ledger failed, whoever made it."""

    def __init__(self, report: Reporter) -> None:
        self._report = report
        self._fails = False

    def failed(self, trouble: LedgerTrouble) -> None:
        """Take note that a call failed."""
        if not self._fails:
            self._fails = True
            self._report(LedgerFailed(str(trouble)))

    def works(self) -> None:
        """Take note that a call succeeded."""
        if self._fails:
            self._fails = False
            self._report(LedgerWorks())
