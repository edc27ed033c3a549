"""What the engine asks of the world: Protocols whose docstrings are the contract that every adapter keeps."""

from probe.ports.clock import Clock
from probe.ports.finding import DiscoveryTrouble, Finder, Found, TlsPolicies
from probe.ports.ledger import Ledger
from probe.ports.reading import (
    FolderReader,
    Gap,
    MailboxAccess,
    MailboxBusy,
    MailboxTrouble,
    Mark,
    News,
    ReportReader,
    Verifier,
)
from probe.ports.records import (
    LONGEST_PAGE,
    CarriedForward,
    ChangeQuery,
    Changes,
    Event,
    LedgerTrouble,
    Life,
    Movements,
    Page,
    Query,
    Sighted,
    Tally,
    Total,
)
from probe.ports.sending import Enquirer, Sender, Tokens, TokenTrouble

__all__ = [
    "LONGEST_PAGE",
    "CarriedForward",
    "ChangeQuery",
    "Changes",
    "Clock",
    "DiscoveryTrouble",
    "Enquirer",
    "Event",
    "Finder",
    "FolderReader",
    "Found",
    "Gap",
    "Ledger",
    "LedgerTrouble",
    "Life",
    "MailboxAccess",
    "MailboxBusy",
    "MailboxTrouble",
    "Mark",
    "Movements",
    "News",
    "Page",
    "Query",
    "ReportReader",
    "Sender",
    "Sighted",
    "Tally",
    "TlsPolicies",
    "TokenTrouble",
    "Tokens",
    "Total",
    "Verifier",
]
