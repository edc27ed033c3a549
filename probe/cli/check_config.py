"""``mailflow check-config``: say everything that is wrong with a config."""

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


def _count(things: object, singular: str, plural: str = "") -> str:
    number = len(things)  # type: ignore[arg-type]
    return f"{number} {singular if number == 1 else plural or singular + 's'}"
