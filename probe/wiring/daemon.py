"""The daemon: one generation after another behind the same servers, until it is told to stop."""

import asyncio
import contextlib
import logging
import secrets
import signal
from collections.abc import Callable, Coroutine, Iterable, Sequence
from datetime import timedelta
from typing import Any

from probe.agent import AgentServer, Handover, release_time
from probe.config import ConfigError
from probe.engine.board import Board
from probe.engine.happenings import Reporter
from probe.engine.sending import Path
from probe.metrics import Exposition, Notifications, ReloadState, spot_check_text
from probe.model.settings import Listen, Settings, WebFile
from probe.model.spot_check import SpotCheck
from probe.net.clock import SystemClock
from probe.notify import Notifier
from probe.oauth import TokenSource
from probe.ports import ChangeQuery, Changes, LedgerTrouble, Life, Page, Query
from probe.web import Events, Guard, Sources, WebServer, application
from probe.wiring.expiries import token_expiries
from probe.wiring.generation import Generation
from probe.wiring.listeners import CannotListen, Listeners
from probe.wiring.web_file import WebFileWatch

log = logging.getLogger(__name__)

WEB, AGENT = "web", "agent"
FIRST_WORD_WITHIN_SECONDS = 2.0
"""Balancers wait so long at a start until it is known again who was down; many give up after some seconds."""
_THAT_STOP = (signal.SIGTERM, signal.SIGINT)


class Daemon:
    """Run the whole program."""

    def __init__(self, read: Callable[[], Settings], reporters: Iterable[Reporter] = ()) -> None:
        """``read`` loads the config, again at every reload; it raises ConfigError."""
        self._read = read
        self._events = Events(secrets.token_hex(4))
        self._reporters: tuple[Reporter, ...] = (*reporters, self._events)
        self._clock = SystemClock()
        self._tokens = TokenSource(self._clock)  # outlives the generations: a refresh token may be good only once
        self._reload_state = ReloadState(successful=True, last_success=self._clock.now())
        self._reloading = asyncio.Lock()
        self._begun = asyncio.Event()
        self._stop = asyncio.Event()
        self._failure: BaseException | None = None
        self._background: set[asyncio.Task[Any]] = set()
        self._notifier = Notifier(self._board, lambda: self._generation.engine.world.ledger, clock=self._clock)
        self._exposition = Exposition(
            lambda: self._board().snapshot(self._clock.now()),
            lambda: self._reload_state,
            lambda: token_expiries(self._generation.settings, self._tokens),
            self._notifications,
            lambda: self._guard.refusals.count,
        )
        self._sources = Sources(
            board=self._board,
            begun=self._when_begun,
            history=self,
            now=self._clock.now,
            scrape=self._exposition.render,
            reload=self.reload,
            events=self._events,
            spot_check=self._spot_check,
            spot_check_text=spot_check_text,
            holds=lambda: self._generation.engine.holding,
        )
        self._guard = Guard()
        self._web_file = WebFileWatch(self._guard.use, self._clock)
        self._handover = Handover(self._clock.now)
        self._listeners = Listeners({WEB: self._web, AGENT: self._agent})
        self._generation: Generation

    @property
    def port(self) -> int:
        """Return the port on which HTTP is served."""
        port = self._listeners.port(WEB)
        assert port is not None
        return port

    @property
    def agent_port(self) -> int | None:
        """Return the port on which the agent-check is answered; None where it is not."""
        return self._listeners.port(AGENT)

    async def run(self, settings: Settings, *, started: Callable[[], None] = lambda: None) -> None:
        """Probe and serve until a signal says stop. Raises LedgerTrouble, and CannotListen."""
        self._obey_signals()
        self._generation = await Generation.open(settings, self._reporters, self._broken, self._tokens)
        try:
            self._secure(settings.web.file)
            await self._listen(settings)
            watch = asyncio.create_task(self._web_file.run())
            try:
                await self._generation.start()
                self._begun.set()
                self._notifier.follow(settings.notify)
                started()
                await self._stop.wait()
                async with self._reloading:
                    await asyncio.gather(self._generation.halt(), self._release())
            finally:
                watch.cancel()
                await self._notifier.stop()
                await self._listeners.stop()
        finally:
            async with self._reloading:  # Of two generations none may be left behind.
                await self._generation.stop()
            self._exposition.close()
        if self._failure:
            raise self._failure

    def stop(self) -> None:
        """Make the program end."""
        self._stop.set()

    async def reload(self) -> Sequence[str]:
        """Load the config again and go on with it; return what is wrong with it, and then the old one goes on."""
        async with self._reloading:
            if self._stop.is_set():
                return ["the program is being stopped"]
            errors = await self._renew()
            now, before = self._clock.now(), self._reload_state.last_success
            self._reload_state = ReloadState(successful=not errors, last_success=before if errors else now)
            for error in errors:
                log.error("the config was not loaded, the one before goes on", extra={"reason": error})
            if not errors:
                log.info("config loaded")
            return errors

    async def probes(self, query: Query) -> Page:
        """Return probes from the ledger that is open now."""
        return await self._generation.engine.world.ledger.probes(query)

    async def life(self, probe_id: str) -> Life | None:
        """Return the life of a probe from the ledger that is open now."""
        return await self._generation.engine.world.ledger.life(probe_id)

    async def _spot_check(self, path: Path, within: timedelta) -> SpotCheck:
        return await self._generation.engine.spot_checks.check(path, within=within)

    async def _when_begun(self) -> None:
        if not self._begun.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._begun.wait(), FIRST_WORD_WITHIN_SECONDS)

    def _notifications(self) -> Notifications:
        counts = self._notifier.counts
        return Notifications(counts.posted.copy(), counts.failures.copy())

    async def changes(self, query: ChangeQuery) -> Changes:
        """Return changes of verdicts from the ledger that is open now."""
        return await self._generation.engine.world.ledger.changes(query)

    def _board(self) -> Board:
        return self._generation.engine.board

    async def _renew(self) -> Sequence[str]:
        """Exchange the generation; the old board answers until the new one knows its members."""
        try:
            settings = await asyncio.to_thread(self._read)
            renewed = await Generation.open(settings, self._reporters, self._broken, self._tokens)
        except ConfigError as error:
            return [str(problem) for problem in error.problems]
        except LedgerTrouble as trouble:
            return [str(trouble)]
        retired = self._generation
        self._secure(settings.web.file)  # before anybody can come by a new address
        try:
            await self._listen(settings)
        except CannotListen as error:
            self._secure(retired.settings.web.file)
            await renewed.stop()
            return [str(error)]
        await retired.halt()
        try:
            await renewed.start()
        except Exception as error:
            # Whatever it is: the old one has ended, and who runs this program has to start it again.
            await renewed.stop()
            self._broken(error)
            return [str(error)]
        self._generation = renewed
        self._notifier.follow(settings.notify)
        self._events.start_anew()
        await retired.stop()
        return []

    async def _listen(self, settings: Settings) -> None:
        await self._listeners.move({WEB: settings.web.listen, AGENT: settings.agent})

    async def _release(self) -> None:
        """Call nobody down any more, and let those hear it who would stay with the last thing that they heard."""
        board = self._board()
        takes = release_time(board, self._handover)
        if self.agent_port is None or takes is None:
            return
        board.released = True
        if takes:
            log.info("members that are down are released", extra={"seconds": takes.total_seconds()})
            await self._clock.sleep(takes.total_seconds())

    def _web(self, listen: Listen) -> WebServer:
        return WebServer(application(self._sources, self._guard), listen, self._guard, farewell=self._events.end)

    def _agent(self, listen: Listen) -> AgentServer:
        return AgentServer(self._board, listen, self._handover, sleep=self._clock.sleep)

    def _secure(self, file: WebFile | None) -> None:
        self._guard.use(file)
        self._web_file.follow(file)

    def _broken(self, error: BaseException) -> None:
        self._failure = error
        self._stop.set()

    def _obey_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in _THAT_STOP:
            loop.add_signal_handler(number, self._asked_to_stop)
        loop.add_signal_handler(signal.SIGHUP, self._asked_to_reload)

    def _asked_to_stop(self) -> None:
        # The next one ends the process at once.
        for each in _THAT_STOP:
            asyncio.get_running_loop().remove_signal_handler(each)
        self._stop.set()

    def _asked_to_reload(self) -> None:
        self._in_background(self.reload())

    def _in_background(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.create_task(coroutine)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
