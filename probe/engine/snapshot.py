"""A snapshot: all that is known, at one moment."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from probe.engine.figures import MailboxFigures, MemberFigures, PathFigures
from probe.model.probe import PathKey
from probe.model.settings import MemberKey, Route


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The board at one moment, whole and unchanging, to be rendered at leisure."""

    at: datetime
    paths: Mapping[PathKey, PathFigures]
    members: Mapping[tuple[str, str], MemberFigures]
    state_changes: Mapping[MemberKey, int]
    """How often the state of each member changed; of those of whom it never did, perhaps nothing."""
    mailboxes: Mapping[str, MailboxFigures]
    shared_faults: Mapping[tuple[str, str], bool]
    routes: tuple[Route, ...]
    guarded: Mapping[str, int]
    """Per pool, how many members failed and are kept up."""
    setbacks: Mapping[MemberKey, int]
    """How many are remembered of each member; of those of whom none is, perhaps nothing."""
    ledger_works: bool = True
