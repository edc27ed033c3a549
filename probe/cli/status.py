"""``mailflow status``: how things stand, as a plug-in of Nagios and Icinga."""

from pathlib import Path
from typing import Any, NoReturn

import click

from probe import __version__
from probe.cli.daemon import Daemon, Door, NoAnswer, password_in, url_of
from probe.cli.standing import standing_from
from probe.config import ConfigError
from probe.config.listening import listening
from probe.model.plugin import Range, Status, output
from probe.model.settings import Web
from probe.model.standing import Thresholds, conclusion, member_lines

_SERVICE = "MAILFLOW"


class _Range(click.ParamType[Range]):
    name = "range"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Range:
        try:
            return Range.parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class _Plugin(click.Command):
    """Ends by 3 whatever is no answer: a wrong call, and as the guidelines have it help and version, too.

    Else a check that shows its own help would be green for good.
    """

    def make_context(self, *arguments: Any, **extra: Any) -> click.Context:
        try:
            return super().make_context(*arguments, **extra)
        except click.UsageError as error:
            _unknown(error.format_message())
        except click.exceptions.Exit as shown:
            raise SystemExit(Status.UNKNOWN) from shown

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            _unknown("broken off before the daemon answered")
        except Exception as error:  # a traceback would end by 1, which is an answer
            _unknown(f"this command itself failed: {type(error).__name__}")


@click.command("status", cls=_Plugin)
@click.option("--url", help="Where the daemon is; by default the web.listen of --config, else http://127.0.0.1:9847.")
@click.option("--config", type=click.Path(path_type=Path, dir_okay=False), help="The config that the daemon runs on.")
@click.option("--pool", help="Only this pool.")
@click.option("--member", help="Only this member.")
@click.option("-w", "--warning", type=_Range(), help="Warn when a delivery time in seconds is outside this range.")
@click.option("-c", "--critical", type=_Range(), help="The same, critical.")
@click.option(
    "-t", "--timeout", type=click.FloatRange(0, 600, min_open=True), default=10.0, show_default=True, help="In seconds."
)
@click.option("-v", "--verbose", is_flag=True, help="Print a line per member, too.")
@click.option("--ca-file", type=click.Path(path_type=Path, dir_okay=False), help="Trust these authorities, for https.")
@click.option("--username", default="", help="Log in by this name.")
@click.option("--password-env", help="The environment variable that holds the password.")
@click.version_option(__version__, "-V", "--version", message=f"mailflow-probe {__version__}")
def command(
    url: str | None,
    config: Path | None,
    pool: str | None,
    member: str | None,
    warning: Range | None,
    critical: Range | None,
    timeout: float,
    verbose: bool,
    ca_file: Path | None,
    username: str,
    password_env: str | None,
) -> None:
    """Ask the running daemon how things stand; print one line and exit as plug-ins of Nagios and Icinga do."""
    try:
        door = Door(_url(url, config), ca_file, username, password_in(password_env))
        standing = standing_from(Daemon(door, seconds=timeout), pool=pool, member=member)
    except (NoAnswer, ConfigError, ValueError) as reason:
        _unknown(str(reason).partition("\n")[0])
    thresholds = Thresholds(warning, critical)
    status, text = conclusion(standing, thresholds)
    further = member_lines(standing) if verbose else ()
    click.echo(output(_SERVICE, status, text, items=standing.items(thresholds), further=further))
    raise SystemExit(status)


def _url(url: str | None, config: Path | None) -> str:
    if url is not None:
        return url
    if config is None:
        return url_of(Web().listen)
    listen, encrypted = listening(config)
    return url_of(listen, encrypted=encrypted)


def _unknown(reason: str) -> NoReturn:
    click.echo(output(_SERVICE, Status.UNKNOWN, reason))
    raise SystemExit(Status.UNKNOWN)
