"""Exit codes, and how a command ends with one sentence instead of a traceback."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import NoReturn

import click

from probe.config import ConfigError, load
from probe.model.settings import Settings
from probe.ports import LedgerTrouble


class Exit(IntEnum):
    """What a command says by its exit code, as Nagios plug-ins do; a bad config counts as critical."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


def leave(message: str, code: int) -> NoReturn:
    """End the command with a sentence on standard error."""
    click.echo(message, err=True)
    raise SystemExit(code)


def settings_from(
    path: Path, *, warn: Callable[[str], None] = lambda warning: None, code: int = Exit.CRITICAL
) -> Settings:
    """Load the config, or end with everything that is wrong with it and an exit code, by default 2."""
    try:
        return load(path, warn=warn)
    except ConfigError as error:
        leave(str(error), code)


def warn(warning: str) -> None:
    """Tell of what is unwise in a config, on standard error."""
    click.echo(f"warning: {warning}", err=True)


@contextmanager
def ledger_trouble_ends(code: int) -> Iterator[None]:
    """End the command with a sentence and this exit code when the ledger fails."""
    try:
        yield
    except (LedgerTrouble, ExceptionGroup) as error:
        first: Exception = error
        while isinstance(first, ExceptionGroup):
            first = first.exceptions[0]
        if not isinstance(first, LedgerTrouble):
            raise
        leave(str(first), code)


config_option = click.option(
    "-c",
    "--config",
    "config",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="The config file.",
)
