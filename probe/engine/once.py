"""One round now: every chosen member is probed once on every chosen route, and all are waited for."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby

from probe.engine.engine import Engine
from probe.engine.happenings import Started
from probe.engine.sending import Path
from probe.model.probe import PathKey, Record
from probe.model.settings import Member, Route
from probe.model.slots import extra_slot
from probe.ports import Clock

LOOK_EVERY = timedelta(milliseconds=100)
"""How often the ledger is asked: another process that shares it may settle what was sent here."""


@dataclass(frozen=True, slots=True)
class Round:
    """What became of one round."""

    records: Sequence[Record]
    not_begun: Sequence[PathKey]
    """Those whose turn did not come: others of the same member, or behind the same VIP, took all the time."""


async def one_round(engine: Engine, *, wanted: Callable[[Route, Member], bool], patience: timedelta) -> Round:
    """Probe the wanted members by an engine that is working, and return what became of each.

    Those that took longer than ``patience`` are returned as they are, in flight. Raises LedgerTrouble.
    """
    ledger, clock = engine.world.ledger, engine.world.clock
    until = clock.now() + patience
    started: list[str] = []
    engine.listen(lambda happening: started.append(happening.probe.id) if isinstance(happening, Started) else None)
    chosen = await _chosen(engine, wanted)
    async with asyncio.TaskGroup() as group:
        turns = [group.create_task(_turns(engine, clock, paths)) for paths in chosen]
        while True:
            all_sent = all(turn.done() for turn in turns)
            records = [record for probe_id in started if (record := await ledger.record(probe_id))]
            if clock.now() > until or (all_sent and all(record.judgement for record in records)):
                break
            await clock.sleep(LOOK_EVERY.total_seconds())
        for turn in turns:
            turn.cancel()
    begun = {(record.probe.pool, record.probe.member, record.probe.route) for record in records}
    return Round(records, [path.key for paths in chosen for path in paths if path.key not in begun])


async def _chosen(engine: Engine, wanted: Callable[[Route, Member], bool]) -> list[list[Path]]:
    """Return what is to be probed, by member: those of one member follow one another."""
    await asyncio.gather(*(membership.tried.wait() for membership in engine.memberships.values()))
    paths = [
        Path(route, member, engine.settings.pools[route.pool].smtp)
        for route in engine.settings.routes.values()
        for member in engine.memberships[route.pool].members
        if wanted(route, member)
    ]
    paths.sort(key=lambda path: str(path.member))
    return [list(same) for _, same in groupby(paths, key=lambda path: path.member)]


async def _turns(engine: Engine, clock: Clock, paths: Sequence[Path]) -> None:
    for path in paths:
        await engine.dispatcher.turn(path, extra_slot(clock.now()))
