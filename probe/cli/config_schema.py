"""``mailflow config-schema``: print the JSON Schema of the config."""

import json

import click

from probe.config import schema


@click.command("config-schema")
def command() -> None:
    """Print the JSON Schema of the config, for editors and other tools."""
    click.echo(json.dumps(schema(), indent=2))
