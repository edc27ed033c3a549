"""Renders a scrape: off the event loop, one at a time, in the format that the scraper reads best."""

import asyncio
import gzip
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from prometheus_client import exposition, openmetrics

from probe.engine.snapshot import Snapshot
from probe.metrics.collector import registry
from probe.metrics.notifications import Notifications
from probe.metrics.program import ReloadState
from probe.metrics.rows import written
from probe.metrics.tokens import TokenExpiries

_OPENMETRICS = "application/openmetrics-text"
_PLAIN = "text/plain"
_GZIP_LEVEL = 1
"""Metrics repeat themselves: higher levels take twenty times as long for little."""


_REST_SECONDS = 0.0001
"""Between two pieces: the event loop gets the interpreter at once, and not only when the five milliseconds are over."""


@dataclass(frozen=True, slots=True)
class _Form:
    openmetrics: bool
    gzipped: bool

    @property
    def headers(self) -> dict[str, str]:
        plain, open_ = exposition.CONTENT_TYPE_PLAIN_0_0_4, openmetrics.exposition.CONTENT_TYPE_LATEST
        headers = {"Content-Type": open_ if self.openmetrics else plain, "Vary": "Accept, Accept-Encoding"}
        return headers | ({"Content-Encoding": "gzip"} if self.gzipped else {})


class Exposition:
    """Answer scrapes; those that wait at the same time share one rendering, which begins after they asked."""

    def __init__(
        self,
        snapshot: Callable[[], Snapshot],
        reload: Callable[[], ReloadState],
        tokens: Callable[[], TokenExpiries] = TokenExpiries,
        notifications: Callable[[], Notifications] = Notifications,
        logins_refused: Callable[[], int] = int,
    ) -> None:
        self._snapshot = snapshot
        self._reload = reload
        self._tokens = tokens
        self._notifications = notifications
        self._logins_refused = logins_refused
        # A thread of its own: those of the loop may all be waiting for mailboxes.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="metrics")
        self._turn = asyncio.Lock()
        self._waited_for: dict[_Form, asyncio.Task[bytes]] = {}

    async def render(self, accept: str, accept_encoding: str) -> tuple[bytes, Mapping[str, str]]:
        """Return body and headers for what a scraper accepts; the board is read after the call."""
        form = _Form(_prefers_openmetrics(accept), _quality(accept_encoding, "gzip") > 0)
        task = self._waited_for.get(form)
        if task is None:
            task = self._waited_for[form] = asyncio.create_task(self._render(form))
        return await asyncio.shield(task), form.headers

    def close(self) -> None:
        """Let the thread go."""
        self._thread.shutdown(wait=False)

    async def _render(self, form: _Form) -> bytes:
        async with self._turn:
            # Who asks from now on needs a newer snapshot than this one.
            del self._waited_for[form]
            told = (
                self._snapshot(),
                self._reload(),
                self._tokens(),
                self._notifications(),
                self._logins_refused(),
            )
            return await asyncio.get_running_loop().run_in_executor(self._thread, _rendered, told, form)


def _rendered(told: tuple[Snapshot, ReloadState, TokenExpiries, Notifications, int], form: _Form) -> bytes:
    pieces: list[bytes] = []
    for piece in written(registry(*told), for_openmetrics=form.openmetrics):
        pieces.append(piece.encode())
        time.sleep(_REST_SECONDS)
    body = b"".join(pieces)
    return gzip.compress(body, _GZIP_LEVEL) if form.gzipped else body


def _prefers_openmetrics(accept: str) -> bool:
    return _quality(accept, _OPENMETRICS) > max(_quality(accept, _PLAIN), 0)


def _quality(header: str, wanted: str) -> float:
    """Return how much something is wanted (RFC 9110 12.4.2), 0 where it is not named."""
    return max((_weight(item) for item in header.split(",") if item.split(";")[0].strip().lower() == wanted), default=0)


def _weight(item: str) -> float:
    for parameter in item.split(";")[1:]:
        name, _, value = parameter.strip().partition("=")
        if name.lower() == "q":
            try:
                return float(value)
            except ValueError:
                return 0
    return 1
