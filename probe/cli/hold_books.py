"""Where holds are written down: in the ledger that a config names, or by a daemon that is asked."""

import asyncio
import functools
import getpass
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.parse import quote

import click

from probe.cli.daemon import Daemon, Door, NoAnswer, Refused, password_in
from probe.cli.exits import Exit, leave, ledger_trouble_ends, settings_from
from probe.ledger import open_ledger
from probe.model.outcome import State
from probe.model.settings import MemberKey, Settings
from probe.net.clock import SystemClock
from probe.net.text import printable
from probe.ports import Ledger
from probe.web.holds import hold_for
from probe.web.views import hold_view, holds_view

Json = dict[str, Any]
T = TypeVar("T")


class HoldBook(Protocol):
    """Where holds are written down; what cannot be done ends the command."""

    def lasting(self) -> Json:
        """Return the holds that last, as /api/v1/holds lists them."""

    def hold(self, member: MemberKey, *, length: timedelta, why: str, state: State | None) -> Json:
        """Hold a member, by default as its verdict is now."""

    def release(self, member: MemberKey) -> Json:
        """End the hold on a member, and return it."""


def at_a_hold_book(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that say where holds are written down, and with them the ``book``."""

    @click.option("-c", "--config", type=_FILE, help="The config; what it names as the ledger is written to.")
    @click.option("--url", help="Ask the daemon at this address, like http://127.0.0.1:9847, in place of the ledger.")
    @click.option("--ca-file", type=_FILE, help="Trust these authorities, for https.")
    @click.option("--username", default="", help="Log in to the daemon by this name.")
    @click.option("--password-env", help="The environment variable that holds the password.")
    @functools.wraps(command)
    def with_book(
        config: Path | None,
        url: str | None,
        ca_file: Path | None,
        username: str,
        password_env: str | None,
        **others: Any,
    ) -> None:
        if (config is None) == (url is None):
            leave("say where: -c FILE for the ledger that the config names, or --url URL for a daemon", Exit.CRITICAL)
        try:
            door = Door(url, ca_file, username, password_in(password_env)) if url else None
        except ValueError as error:
            leave(str(error), Exit.CRITICAL)
        command(book=_ByDaemon(door) if door else _InLedger(settings_from(config or Path())), **others)

    return with_book


_FILE = click.Path(path_type=Path, dir_okay=False)


class _InLedger:
    """Write to the ledger; a daemon that runs on it takes notice within two seconds."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._clock = SystemClock()

    def lasting(self) -> Json:
        async def work(ledger: Ledger) -> Json:
            now = self._clock.now()
            return holds_view({member: hold for member, hold in (await ledger.holds()).items() if hold.lasts(now)})

        return self._do(work)

    def hold(self, member: MemberKey, *, length: timedelta, why: str, state: State | None) -> Json:
        async def work(ledger: Ledger) -> Json:
            told = {(change.pool, change.member): change.after for change in await ledger.last_changes()}
            self._must_know(member, told)
            as_it_is = told.get(member, State.UNKNOWN)
            hold = hold_for(length, state=state or as_it_is, why=why, by=login_name(), now=self._clock.now())
            await ledger.set_hold(*member, hold)
            return named(member) | hold_view(hold)

        return self._do(work)

    def release(self, member: MemberKey) -> Json:
        async def work(ledger: Ledger) -> Json:
            released = await ledger.release(*member, by=login_name(), at=self._clock.now())
            if released is None:
                leave(f"{shown(member)} is under no hold", Exit.UNKNOWN)
            return named(member) | hold_view(released)

        return self._do(work)

    def _do(self, work: Callable[[Ledger], Awaitable[T]]) -> T:
        async def opened() -> T:
            async with open_ledger(self._settings.state, instance=self._settings.instance) as ledger:
                return await work(ledger)

        with ledger_trouble_ends(Exit.UNKNOWN):
            try:
                return asyncio.run(opened())
            except ValueError as error:
                leave(str(error), Exit.CRITICAL)

    def _must_know(self, member: MemberKey, told: dict[MemberKey, State]) -> None:
        pool = self._settings.pools.get(member[0])
        if pool is None:
            pools = ", ".join(self._settings.pools)
            leave(f"there is no pool {printable(member[0], 80)}; pools are: {pools}", Exit.UNKNOWN)
        written_down = {each.name for each in pool.members}
        # Those that are discovered are known by what was told of them.
        known = written_down or {name for name_of_pool, name in told if name_of_pool == pool.name}
        if member[1] not in known:
            members = ", ".join(sorted(known)) or "none that is known yet"
            leave(f"there is no member {shown(member)}; members are: {members}", Exit.UNKNOWN)


class _ByDaemon:
    """Ask a daemon; it has to allow that by ``web.lifecycle``."""

    def __init__(self, door: Door) -> None:
        self._daemon = Daemon(door, seconds=_PATIENCE_SECONDS)

    def lasting(self) -> Json:
        return self._answer(lambda: self._daemon.ask("/api/v1/holds"))

    def hold(self, member: MemberKey, *, length: timedelta, why: str, state: State | None) -> Json:
        milliseconds = length // timedelta(milliseconds=1)
        asked = named(member) | {"for": f"{milliseconds}ms", "why": why, "by": login_name()}
        return self._answer(lambda: self._daemon.tell("/api/v1/holds", asked | ({"as": state.value} if state else {})))

    def release(self, member: MemberKey) -> Json:
        pool, name = (quote(part, safe="") for part in member)
        return self._answer(lambda: self._daemon.tell(f"/api/v1/holds/{pool}/{name}/release", {"by": login_name()}))

    def _answer(self, ask: Callable[[], Any]) -> Json:
        try:
            answer = ask()
            if not isinstance(answer, dict):
                raise NoAnswer("what answers there is no mailflow-probe")
        except Refused as refused:
            leave(printable(str(refused), 400), Exit.CRITICAL if refused.status in _OUR_FAULT else Exit.UNKNOWN)
        except NoAnswer as reason:
            leave(str(reason), Exit.UNKNOWN)
        return answer


_PATIENCE_SECONDS = 10
_OUR_FAULT = {400, 401, 403, 413, 415}


class _MemberName(click.ParamType[MemberKey]):
    name = "pool/member"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> MemberKey:
        if isinstance(value, tuple):
            return value
        pool, slash, member = str(value).partition("/")
        if not (pool and slash and member):
            self.fail(f"{printable(str(value), 80)} names no member; write POOL/MEMBER", param, ctx)
        return pool, member


MEMBER = _MemberName()


def login_name() -> str:
    """Return who calls this command."""
    with suppress(OSError, KeyError):
        return getpass.getuser()
    return f"uid {os.getuid()}"


def shown(member: MemberKey) -> str:
    """Return the name of a member as it may be shown."""
    return printable("/".join(member), 160)


def named(member: MemberKey) -> Json:
    """Return the name of a member as a part of JSON."""
    return {"pool": member[0], "member": member[1]}
