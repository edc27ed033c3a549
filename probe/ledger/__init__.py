"""The ledger: every probe is written down before it is sent, and gets exactly one outcome."""

from probe.ledger.ledger import SqlLedger
from probe.ledger.opening import open_ledger

__all__ = ["SqlLedger", "open_ledger"]
