"""Gives out tokens: fetched once for all who ask, kept, renewed before they expire."""

import asyncio
import logging
import threading
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from probe.model.oauth import Grant
from probe.model.secret import Secret
from probe.oauth.endpoint import Granted, ask
from probe.oauth.keeping import keep, kept
from probe.ports import Clock, TokenTrouble

log = logging.getLogger(__name__)

EARLY = timedelta(minutes=5)
"""A token is renewed so long before it expires, or half its life if that is shorter."""
PAUSE = timedelta(seconds=30)
"""An endpoint that failed is left alone so long, and so is one whose last token a server did not take."""
PATIENCE_SECONDS = 10.0


class TokenSource:
    """Holds the tokens of all grants; satisfies ``probe.ports.Tokens``. May be used by any thread and loop."""

    def __init__(self, clock: Clock, *, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._clock = clock
        self._patience_seconds = patience_seconds
        self._lock = threading.Lock()
        self._purses: dict[Grant, _Purse] = {}

    def token(self, grant: Grant) -> Secret:
        """Return a token that holds for a while; blocks while it is fetched. Raises TokenTrouble."""
        try:
            return self._purse(grant).token().result(self._patience_seconds)
        except TimeoutError as exc:
            raise _too_late(grant) from exc

    async def fetched(self, grant: Grant) -> Secret:
        """Return a token as ``token`` does, without blocking the loop. Raises TokenTrouble."""
        try:
            async with asyncio.timeout(self._patience_seconds):
                return await asyncio.wrap_future(self._purse(grant).token())
        except TimeoutError as exc:
            raise _too_late(grant) from exc

    def refused(self, grant: Grant) -> None:
        """Hear that a server did not take the token: it is fetched anew, but not again and again."""
        self._purse(grant).drop()

    def expiry(self, grant: Grant) -> datetime | None:
        """Return when the token expires that is held now."""
        return self._purse(grant).expiry

    def _purse(self, grant: Grant) -> "_Purse":
        with self._lock:
            if grant not in self._purses:
                self._purses[grant] = _Purse(grant, self._clock, self._patience_seconds)
            return self._purses[grant]


@dataclass(frozen=True, slots=True)
class _Held:
    token: Secret
    since: datetime
    expiry: datetime

    @property
    def renewal(self) -> datetime:
        """Return when the next one is asked for."""
        return self.expiry - min(EARLY, (self.expiry - self.since) / 2)


class _Purse:
    """The token of one grant, and the request for the next one while it is under way."""

    def __init__(self, grant: Grant, clock: Clock, patience_seconds: float) -> None:
        self._grant = grant
        self._written = grant.refresh_token
        self._clock = clock
        self._patience_seconds = patience_seconds
        self._lock = threading.Lock()
        self._held: _Held | None = None
        self._pending: Future[Secret] | None = None
        self._trouble = ""
        self._pause_until: datetime | None = None

    @property
    def expiry(self) -> datetime | None:
        held = self._held
        return held.expiry if held else None

    def token(self) -> "Future[Secret]":
        """Return the token that is held, the request for one, or why there is none."""
        with self._lock:
            now = self._clock.now()
            held = self._held if self._held and now < self._held.expiry else None
            paused = self._pause_until is not None and now < self._pause_until
            if not paused and not self._pending and (held is None or now >= held.renewal):
                self._pending = self._asked()
            if held:
                return _answered(held.token)  # good while the next one is fetched
            return self._pending or _refused(self._trouble)

    def drop(self) -> None:
        """Forget the token, unless it is so new that another one would be no better."""
        with self._lock:
            if self._held and self._clock.now() - self._held.since >= PAUSE:
                self._held = None

    def _asked(self) -> "Future[Secret]":
        pending: Future[Secret] = Future()
        pending.set_running_or_notify_cancel()  # who gives up waiting must not cancel it for the others
        # A daemon: a thread that hangs in the system's resolver must not hold up the end of the program.
        threading.Thread(target=self._fetch, args=(pending,), name="oauth", daemon=True).start()
        return pending

    def _fetch(self, pending: "Future[Secret]") -> None:
        try:
            self._look_up()
            granted = ask(self._grant, seconds=self._patience_seconds)
        except Exception as exc:  # whatever it is: nobody may wait in vain
            known = isinstance(exc, TokenTrouble)
            trouble = str(exc) if known else f"{self._grant.token_url} cannot be asked: {type(exc).__name__}"
            log.warning("no token was fetched", extra={"reason": trouble})
            self._failed(trouble)
            pending.set_exception(TokenTrouble(trouble))
        else:
            self._take(granted)
            pending.set_result(granted.token)

    def _failed(self, trouble: str) -> None:
        with self._lock:
            self._pending, self._trouble, self._pause_until = None, trouble, self._clock.now() + PAUSE

    def _take(self, granted: Granted) -> None:
        if granted.refresh_token and granted.refresh_token != self._grant.refresh_token:
            self._exchange(granted.refresh_token)
        with self._lock:
            now = self._clock.now()
            self._held = _Held(granted.token, now, now + granted.lifetime)
            self._pending = None

    def _look_up(self) -> None:
        """Take the refresh token from its file if another process, or its owner, has exchanged it there."""
        path = self._grant.refresh_token_file
        if path and (written := kept(path)) and written != self._written:
            self._grant, self._written = replace(self._grant, refresh_token=written), written

    def _exchange(self, renewed: Secret) -> None:
        self._grant = replace(self._grant, refresh_token=renewed)
        path = self._grant.refresh_token_file
        if path is None:
            return
        try:
            keep(renewed, path)
            self._written = renewed
        except OSError as exc:
            log.warning("a new refresh token cannot be kept", extra={"file": str(path), "reason": exc.strerror})


def _answered(token: Secret) -> "Future[Secret]":
    answered: Future[Secret] = Future()
    answered.set_result(token)
    return answered


def _refused(trouble: str) -> "Future[Secret]":
    refused: Future[Secret] = Future()
    refused.set_exception(TokenTrouble(trouble))
    return refused


def _too_late(grant: Grant) -> TokenTrouble:
    return TokenTrouble(f"{grant.token_url} did not answer in time")
