"""``mailflow check-config``: say everything that is wrong with a config."""

from collections.abc import Sized
from pathlib import Path

import click

from probe.cli.exits import config_option, settings_from, warn


@click.command("check-config")
@config_option
def command(config: Path) -> None:
    """Load the config, resolve nothing, and print every error at once."""
    settings = settings_from(config, warn=warn)
    counts = f"{_count(settings.pools, 'pool')}, {_count(settings.routes, 'route')}"
    click.echo(f"{config}: good; {counts}, {_count(settings.mailboxes, 'mailbox', 'mailboxes')}")


def _count(things: Sized, singular: str, plural: str = "") -> str:
    return f"{len(things)} {singular if len(things) == 1 else plural or singular + 's'}"
