"""The command ``mailflow`` and its subcommands; each is imported only when it is called."""

import importlib
import platform

import click

from probe import __version__

_COMMANDS = {
    "run": "probe.cli.run",
    "once": "probe.cli.once",
    "status": "probe.cli.status",
    "verify": "probe.cli.verify",
    "check-config": "probe.cli.check_config",
    "explain": "probe.cli.explain",
    "hold": "probe.cli.hold",
    "release": "probe.cli.release",
    "history": "probe.cli.history",
    "demo": "probe.cli.demo",
    "config-schema": "probe.cli.config_schema",
}
"""Where each command lives; its function is called ``command`` there."""


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = importlib.import_module(_COMMANDS[cmd_name]).command
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message=f"mailflow-probe {__version__}, Python {platform.python_version()}")
def main() -> None:
    """Prove per member that mail really flows."""
