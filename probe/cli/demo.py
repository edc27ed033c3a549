"""``mailflow demo``: an embedded mail system, and the probe that watches it; no root, no config, no network."""

import asyncio
from dataclasses import replace
from pathlib import Path

import click
import uvloop
from rich.console import Console

import probe
from probe.cli.exits import leave, ledger_trouble_ends
from probe.cli.live import LiveOutput
from probe.config import load
from probe.demo.system import MailSystem
from probe.model.settings import Listen, Settings
from probe.wiring.daemon import Daemon
from probe.wiring.listeners import CannotListen

ROOT = Path(probe.__file__).parent.parent
"""The folder that file names in the shipped config start from."""


@click.command("demo")
@click.option("--port", type=click.IntRange(0, 65535), default=9847, show_default=True, help="Serve HTTP here.")
@click.option("--seconds", type=click.IntRange(1), help="Stop after so long; by default at Ctrl-C.")
def command(port: int, seconds: int | None) -> None:
    """Start a mail system whose members fail in different ways, probe it, and serve everything."""
    with ledger_trouble_ends(1):
        uvloop.run(_demo(port, seconds))


def shipped_config() -> Path:
    """Return the config that comes with the program: in the source tree, or beside the demo where installed."""
    in_tree = ROOT / "config.yaml"
    return in_tree if in_tree.is_file() else Path(probe.__file__).parent / "demo" / "config.yaml"


async def _demo(port: int, seconds: int | None) -> None:
    console = Console()
    daemon = Daemon(lambda: _settings(port), [LiveOutput(console)])

    def started() -> None:
        console.print(
            f"http://127.0.0.1:{daemon.port}/ shows who delivers and who does not; "
            "there are also /metrics, /health/vip/fast, /api/v1/probes",
            soft_wrap=True,
        )
        if seconds:
            asyncio.get_running_loop().call_later(seconds, daemon.stop)

    settings = _settings(port)
    try:
        async with MailSystem.demo():
            await daemon.run(settings, started=started)
    except (OSError, CannotListen) as error:
        why = error.strerror if isinstance(error, OSError) else None
        leave(f"the demo cannot start: {why or error}; is another one running?", 1)


def _settings(port: int) -> Settings:
    # Its password is public, so that nobody needs to be warned about who can read it.
    settings = load(shipped_config(), base=ROOT, warn=lambda warning: None)
    return replace(settings, web=replace(settings.web, listen=Listen("127.0.0.1", port)))
