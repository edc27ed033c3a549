"""Watching the files of the web config: certificates are renewed behind the back of whoever uses them."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from probe.config import ConfigError, load_web_file
from probe.model.settings import WebFile
from probe.ports import Clock

log = logging.getLogger(__name__)

LOOK_EVERY_SECONDS = 1.0
_Looks: TypeAlias = tuple[tuple[int, int, int] | None, ...]


class WebFileWatch:
    """Read the web config again whenever one of its files has changed; a bad one is told, and changes nothing."""

    def __init__(self, use: Callable[[WebFile], None], clock: Clock) -> None:
        self._use = use
        self._clock = clock
        self._used: WebFile | None = None
        self._looked_like: _Looks | None = None
        self._trouble: tuple[str, ...] = ()

    def follow(self, file: WebFile | None) -> None:
        """Watch this one from now on; it is in use already."""
        self._used, self._looked_like, self._trouble = file, None, ()

    async def run(self) -> None:
        """Look again and again."""
        while True:
            await self._clock.sleep(LOOK_EVERY_SECONDS)
            await self.look()

    async def look(self) -> None:
        """Look whether something has changed, and go on with what is there now."""
        before = self._used
        if before is None:
            return
        looks = await asyncio.to_thread(_looks, before.files)
        if looks == self._looked_like and not self._trouble:
            return
        try:
            found = await asyncio.to_thread(load_web_file, before.path)
        except ConfigError as error:
            self._tell(tuple(str(problem) for problem in error.problems))
            return
        if self._used is not before:
            return  # a reload was faster
        self._looked_like, self._trouble = looks, ()
        if found != before:
            self._used = found
            self._looked_like = None  # it may name other files
            self._use(found)
            log.info("web config renewed", extra={"file": str(found.path)})

    def _tell(self, trouble: tuple[str, ...]) -> None:
        if trouble != self._trouble:
            for problem in trouble:
                log.error("the web config was not loaded, the one before goes on", extra={"reason": problem})
        self._trouble = trouble


def _looks(files: tuple[Path, ...]) -> _Looks:
    return tuple(map(_look, files))


def _look(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
