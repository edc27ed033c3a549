"""Tells all endpoints of the config what is wrong by the board, each at its own pace."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from probe.engine.board import Board
from probe.model.settings import Notify, Settings
from probe.notify.bodies import Origin
from probe.notify.endpoint import Counts, Endpoint, Post
from probe.notify.firing import firing, in_doubt, is_silent
from probe.notify.posting import post
from probe.notify.remembering import Memory, Remembering
from probe.ports import Clock

log = logging.getLogger(__name__)

BEAT_SECONDS = 2.0
"""How often the board is looked at: it says all that is wrong, so that nothing is lost in between."""


@dataclass(frozen=True, slots=True)
class _Told:
    endpoint: Endpoint
    task: asyncio.Task[None]


class Notifier:
    """Keep a task per endpoint; outlives the generations, so that what an endpoint was told is not forgotten."""

    def __init__(
        self, board: Callable[[], Board], memory: Callable[[], Memory], *, clock: Clock, post: Post = post
    ) -> None:
        self.counts = Counts()
        self._board = board
        self._memory = memory
        self._clock = clock
        self._post = post
        self._told: list[_Told] = []

    def follow(self, wanted: Sequence[Notify]) -> None:
        """Tell these endpoints from now on; one that stays the same goes on where it was."""
        kept = [told for told in self._told if told.endpoint.settings in wanted]
        for told in self._told:
            if told not in kept:
                told.task.cancel()
        known = [told.endpoint.settings for told in kept]
        self._told = kept + [self._begun(settings) for settings in wanted if settings not in known]

    async def stop(self) -> None:
        """Tell nobody any more."""
        tasks = [told.task for told in self._told]
        self.follow(())
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begun(self, settings: Notify) -> _Told:
        endpoint = Endpoint(settings, self.counts, clock=self._clock, post=self._post)
        return _Told(endpoint, asyncio.create_task(self._keep_telling(endpoint), name="notify"))

    async def _keep_telling(self, endpoint: Endpoint) -> None:
        remembering = Remembering(endpoint, self._memory)
        while True:
            try:
                await remembering.recall()
                await self._tell(endpoint, self._board())
                await remembering.keep()
            except Exception:  # who is to tell of trouble must not end by it
                log.exception("notifying itself failed")
            await self._clock.sleep(BEAT_SECONDS)

    async def _tell(self, endpoint: Endpoint, board: Board) -> None:
        await endpoint.tell(
            firing(board),
            _origin(board.settings, endpoint.settings),
            silent=partial(is_silent, board),
            in_doubt=partial(in_doubt, board),
        )


def _origin(settings: Settings, notify: Notify) -> Origin:
    encrypted = settings.web.file is not None and settings.web.file.tls is not None
    return Origin(settings.instance, notify.link or f"http{'s' if encrypted else ''}://{settings.web.listen}")
