"""The engine: all loops of the probe under one owner, from the first round to the last settled probe."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from probe.ports import Clock, Finder, Ledger, MailboxAccess, Sender

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class World:
    """Everything outside that the engine works with."""

    clock: Clock
    ledger: Ledger
    sender: Sender
    mailboxes: Mapping[str, MailboxAccess]
    finders: Mapping[str, Finder]
    """Of the pools whose members are discovered."""
