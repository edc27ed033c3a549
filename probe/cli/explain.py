"""``mailflow explain``: the life of one probe."""

import asyncio
import json
from pathlib import Path

import click
from rich.console import Console

from probe.cli.exits import Exit, config_option, leave, ledger_trouble_ends, settings_from
from probe.cli.render import print_life
from probe.model.settings import Settings
from probe.net.text import printable
from probe.ports import Life
from probe.web.views import life_view, why
from probe.wiring.world import open_world


@click.command("explain")
@click.argument("probe_id", metavar="ID")
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(probe_id: str, config: Path, as_json: bool) -> None:
    """Tell the life of the probe ID: times, every SMTP command and reply, hops, outcome and why."""
    settings = settings_from(config)
    with ledger_trouble_ends(Exit.UNKNOWN):
        life = asyncio.run(_life(settings, probe_id.lower()))
    if life is None:
        leave(f"there is no probe {printable(probe_id, 40)} in {settings.state}", Exit.UNKNOWN)
    if as_json:
        click.echo(json.dumps(life_view(life), indent=2))
    else:
        print_life(Console(), life, why(life.record))


async def _life(settings: Settings, probe_id: str) -> Life | None:
    async with open_world(settings) as world:
        return await world.ledger.life(probe_id)
