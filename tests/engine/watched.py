"""One folder, or a whole mailbox, under watch in a scene."""

import asyncio
from datetime import datetime
from typing import Any

from probe.engine.ledger_state import LedgerState
from probe.engine.mailboxes import MailboxWatch
from probe.engine.tidying import Tidier
from probe.engine.watching import FolderWatch, ReadWhole
from probe.model.letter import Folder
from probe.model.outcome import Outcome
from probe.model.probe import Judgement, Probe, Record
from probe.model.settings import Mailbox
from probe.ports import News
from tests.engine.fakes import FakeReader
from tests.engine.scene import KEY, Scene, a_probe, settings

BOX = settings().mailboxes["monitor"]


def tidier(scene: Scene, mailbox: Mailbox = BOX, folder: Folder = Folder.INBOX) -> Tidier:
    report = scene.told.append
    return Tidier(mailbox, folder, scene.ledger, keys=[KEY], clock=scene.clock, report=report)


def folder_watch(scene: Scene, reader: FakeReader, read_whole: ReadWhole, folder: Folder = Folder.INBOX) -> FolderWatch:
    return FolderWatch(
        "monitor",
        folder,
        reader,
        scene.ledger,
        scene.flight,
        scene.settler,
        tidier(scene, folder=folder),
        clock=scene.clock,
        read_whole=read_whole,
    )


class Watched:
    """The inbox under watch."""

    def __init__(self, scene: Scene) -> None:
        self.whole: list[tuple[datetime, int]] = []
        """When complete readings began, and how many messages there were."""
        self.left: list[tuple[datetime, int]] = []
        """And how many older messages were left."""
        self.reader = scene.mailbox.reader(Folder.INBOX, "INBOX")
        self.watch = folder_watch(scene, self.reader, self._read_whole)
        self.task: asyncio.Task[Any] = scene.spawn(self.watch.run(since=scene.clock.now()))

    async def _read_whole(self, folder: Folder, began: datetime, news: News) -> None:
        self.whole.append((began, news.messages))
        self.left.append((began, news.backlog))


def mailbox_watch(scene: Scene) -> MailboxWatch:
    """The whole mailbox under watch."""

    def new_watch(folder: Folder, name: str, read_whole: ReadWhole) -> FolderWatch:
        return folder_watch(scene, scene.mailbox.reader(folder, name), read_whole, folder)

    return MailboxWatch(
        "monitor",
        scene.mailbox,
        new_watch,
        scene.flight,
        scene.settler,
        LedgerState(scene.told.append),
        clock=scene.clock,
        report=scene.told.append,
    )


async def in_flight(scene: Scene, number: int = 1, **changes: Any) -> Probe:
    """Let a probe be in flight, accepted a while ago, with nobody expecting it."""
    probe = a_probe(number, at=scene.clock.now(), **changes)
    await scene.ledger.claim(probe)
    scene.flight.put(Record(probe))
    return probe


async def settled(scene: Scene, number: int = 1, **changes: Any) -> Probe:
    """Let a probe have its outcome."""
    probe = await in_flight(scene, number, **changes)
    scene.flight.drop(probe.id)
    await scene.ledger.close(probe.id, Judgement(Outcome.MISSING, "it was not there"), at=scene.clock.now())
    return probe
