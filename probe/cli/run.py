"""``mailflow run``: the daemon."""

import gc
import logging
import sys
from importlib.metadata import version
from pathlib import Path
from platform import python_version

import click
import uvloop

from probe.cli.exits import config_option, leave, ledger_trouble_ends, settings_from, warn
from probe.cli.journal import Journal
from probe.cli.logs import start_logging
from probe.config import load
from probe.model.settings import Settings
from probe.wiring.daemon import Daemon
from probe.wiring.listeners import CannotListen

log = logging.getLogger("mailflow")

SWITCH_SECONDS = 0.0005


@click.command("run")
@config_option
@click.option("--log-format", type=click.Choice(["logfmt", "json"]), default="logfmt", show_default=True)
@click.option(
    "--log-level", type=click.Choice(["debug", "info", "warning", "error"]), default="info", show_default=True
)
def command(config: Path, log_format: str, log_level: str) -> None:
    """Schedule, send, collect and serve, until SIGTERM or SIGINT; SIGHUP loads the config again."""
    settings = settings_from(config, warn=warn)
    start_logging(form=log_format, level=log_level)
    log.info("starting", extra={"version": version("mailflow-probe"), "python": python_version(), "config": config})
    serve(Daemon(lambda: load(config), [Journal()]), settings)


def serve(daemon: Daemon, settings: Settings) -> None:
    """Run a daemon to its end; what keeps it from starting is one sentence and exit code 1."""
    with ledger_trouble_ends(1):
        try:
            uvloop.run(daemon.run(settings, started=let_answers_come_first))
        except CannotListen as error:
            leave(str(error), 1)


def let_answers_come_first() -> None:
    """Keep the interpreter from holding up its event loop, on which balancers are answered.

    The garbage collector went through all that was ever loaded, again and again, and stopped everything for 100 ms
    each time: what is there now is here to stay. Threads of the ledger and of mailboxes keep the interpreter for 5 ms
    at a time unless told otherwise.
    """
    gc.collect()
    gc.freeze()
    sys.setswitchinterval(SWITCH_SECONDS)
