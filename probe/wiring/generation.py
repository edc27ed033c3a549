"""A generation: one engine with its ledger, from one loading of the config to the next."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack

from probe.engine.engine import Engine
from probe.engine.happenings import Reporter
from probe.model.settings import Settings
from probe.ports import Tokens
from probe.wiring.world import open_world, tag_keys


class Generation:
    """Run an engine until it is stopped, or breaks."""

    def __init__(
        self,
        settings: Settings,
        engine: Engine,
        resources: AsyncExitStack,
        broken: Callable[[BaseException], None],
    ) -> None:
        self.settings = settings
        self.engine = engine
        self._resources = resources
        self._broken = broken
        self._stop = asyncio.Event()
        self._run: asyncio.Task[None] | None = None

    @classmethod
    async def open(
        cls,
        settings: Settings,
        reporters: Iterable[Reporter],
        broken: Callable[[BaseException], None],
        tokens: Tokens,
    ) -> "Generation":
        """Open the ledger and make the engine, without starting it. Raises LedgerTrouble.

        ``broken`` is told when the engine ends by a fault.
        """
        async with AsyncExitStack() as opening:
            world = await opening.enter_async_context(open_world(settings, tokens))
            engine = Engine(settings, world, await tag_keys(settings, world.ledger), reporters)
            return cls(settings, engine, opening.pop_all(), broken)

    async def start(self) -> None:
        """Begin to probe; returns when what went before is restored and the members are known. Raises LedgerTrouble."""
        self._run = asyncio.create_task(self.engine.run(self._stop))
        began = asyncio.create_task(self.engine.began.wait())
        await asyncio.wait({self._run, began}, return_when=asyncio.FIRST_COMPLETED)
        began.cancel()
        if self._run.done():
            await self._run
        self._run.add_done_callback(self._ended)

    async def halt(self) -> None:
        """Stop probing and let what goes on come to its end; the ledger stays open."""
        self._stop.set()
        if self._run:
            with contextlib.suppress(Exception):  # it was told to `broken`, or raised by `start`
                await self._run

    async def stop(self) -> None:
        """Halt, and close the books."""
        try:
            await self.halt()
        finally:
            await self._resources.aclose()

    def _ended(self, run: asyncio.Task[None]) -> None:
        if not run.cancelled() and (error := run.exception()):
            self._broken(error)
