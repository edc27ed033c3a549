"""The daemon in the process of the test, before a mail system of its own; all on ports that were free."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import uvloop
import yaml

from probe.config import load
from probe.demo.behaviour import Behaviour
from probe.demo.system import PASSWORD_FILE, MailSystem, Member
from probe.engine.happenings import Happening
from probe.wiring.daemon import Daemon

MEMBERS = (Member("good"), Member("better"), Member("discarding", behaviour=Behaviour(discard=True)))
ASK_EVERY_SECONDS = 0.05


def run(test: Callable[[], Coroutine[Any, Any, None]], *, seconds: float = 20) -> None:
    """Run a test under a deadline, on the loop that the program has."""

    async def bounded() -> None:
        async with asyncio.timeout(seconds):
            await test()

    uvloop.run(bounded())


def config_of(system: MailSystem, home: Path) -> dict[str, Any]:
    """Return a quick config that watches a mail system."""
    return {
        "instance": "probe-a",
        "state": f"sqlite:///{home}/ledger.db",
        "web": {"listen": "127.0.0.1:0", "lifecycle": True},
        "mailboxes": {
            "monitor": {
                "address": "monitor@demo.test",
                "imap": {
                    "host": "127.0.0.1",
                    "port": system.imap.port,
                    "tls": "none",
                    "username": "monitor@demo.test",
                    "password": {"file": str(PASSWORD_FILE)},
                },
            }
        },
        "pools": {"vip": {"members": {name: f"127.0.0.1:{server.port}" for name, server in system.members.items()}}},
        "routes": {
            "inbound": {
                "pool": "vip",
                "mailbox": "monitor",
                "from": "probe@demo.test",
                "interval": "300ms",
                "deadline": "1s",
                "late_until": "1h",
            }
        },
        # Evidence must not become stale where a busy machine leaves turns out.
        "health": {"rise": 1, "fall": 2, "stale_after": "1m"},
    }


@dataclass
class Running:
    """A daemon that runs."""

    daemon: Daemon
    client: httpx.AsyncClient
    task: asyncio.Task[None]
    config: dict[str, Any]
    file: Path
    told: list[Happening] = field(default_factory=list)

    def write(self, **changes: Any) -> None:
        """Write the config anew, with whole sections exchanged."""
        self.config |= changes
        self.file.write_text(yaml.safe_dump(self.config))

    async def get(self, path: str) -> httpx.Response:
        return await self.client.get(path)

    async def health(self, member: str) -> int:
        return (await self.get(f"/health/vip/{member}")).status_code

    async def metric(self, sample: str) -> float | None:
        """Return what a sample is, by its name and labels as they are written."""
        lines = (await self.get("/metrics")).text.splitlines()
        return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{sample} ")), None)

    async def until(self, question: Callable[[], Awaitable[object]], *, seconds: float = 10) -> None:
        async with asyncio.timeout(seconds):
            while not await question():  # noqa: ASYNC110 - it is asked over HTTP
                await asyncio.sleep(ASK_EVERY_SECONDS)


@asynccontextmanager
async def mail_system() -> AsyncIterator[MailSystem]:
    async with MailSystem(MEMBERS) as system:
        yield system


@asynccontextmanager
async def running(system: MailSystem, home: Path, **changes: Any) -> AsyncIterator[Running]:
    """Run the daemon until the test is over."""
    file = home / "config.yaml"
    config = config_of(system, home) | changes
    file.write_text(yaml.safe_dump(config))
    told: list[Happening] = []
    daemon = Daemon(lambda: load(file), [told.append])
    started = asyncio.Event()
    task = asyncio.create_task(daemon.run(load(file), started=started.set))
    begun = asyncio.create_task(started.wait())
    await asyncio.wait({task, begun}, return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        begun.cancel()
        await task
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{daemon.port}", trust_env=False) as client:
            yield Running(daemon, client, task, config, file, told)
    finally:
        daemon.stop()
        await asyncio.wait({task})
