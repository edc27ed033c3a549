"""``mailflow once``: one round now, with live progress."""

import json
from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta
from pathlib import Path

import click
import uvloop
from rich.console import Console
from rich.live import Live

from probe.cli.duration import DURATION
from probe.cli.exits import Exit, config_option, leave, ledger_trouble_ends, settings_from
from probe.cli.progress import Progress
from probe.cli.render import print_probes
from probe.engine.engine import Engine
from probe.engine.once import Round, one_round
from probe.model.judge import GRACE
from probe.model.outcome import Outcome
from probe.model.probe import PathKey, Record
from probe.model.settings import Member, Route, Settings
from probe.web.views import probe_view
from probe.wiring.world import open_world, tag_keys

_MOST_LISTED = 10


@click.command("once")
@config_option
@click.option("--route", "routes", multiple=True, help="Only this route; may be given several times.")
@click.option("--member", "members", multiple=True, help="Only this member, as NAME or POOL/NAME; several times.")
@click.option("--timeout", type=DURATION, help="Wait no longer than this, like 2m; by default until every deadline.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    config: Path, routes: tuple[str, ...], members: tuple[str, ...], timeout: timedelta | None, as_json: bool
) -> None:
    """Probe every member once and say what became of each message."""
    settings = settings_from(config)
    _know(routes, settings)
    with ledger_trouble_ends(Exit.UNKNOWN):
        done = uvloop.run(_round(settings, routes, members, timeout))
    records = done.records
    if not records and not done.not_begun:
        leave("nothing was probed: no member fits, or none could be found", Exit.UNKNOWN)
    if as_json:
        click.echo(json.dumps({"probes": [probe_view(record) for record in records]}, indent=2))
    else:
        print_probes(Console(), records)
    code = exit_code(records) if records else Exit.UNKNOWN
    if done.not_begun:
        click.echo(f"not begun: {_listed(done.not_begun)}", err=True)
        code = _worst([code, Exit.UNKNOWN])
    if missed := _missed(members, done):
        click.echo(f"not probed: {', '.join(missed)}; no such member was found", err=True)
        code = _worst([code, Exit.UNKNOWN])
    raise SystemExit(code)


def exit_code(records: Collection[Record]) -> Exit:
    """Return what a round came to: the worst of its probes, a failure before not knowing, before a warning."""
    return _worst(_exit(record) for record in records)


def _worst(codes: Iterable[Exit]) -> Exit:
    return max(codes, key=[Exit.OK, Exit.WARNING, Exit.UNKNOWN, Exit.CRITICAL].index)


def _exit(record: Record) -> Exit:
    if record.succeeded:
        return Exit.OK
    if record.judgement is None or record.judgement.outcome is Outcome.UNKNOWN:
        return Exit.UNKNOWN
    return Exit.WARNING if record.judgement.outcome is Outcome.JUNKED else Exit.CRITICAL


def _missed(members: Iterable[str], done: Round) -> list[str]:
    found = {(record.probe.pool, record.probe.member) for record in done.records}
    found |= {(pool, member) for pool, member, _ in done.not_begun}
    known = {name for pool, member in found for name in (member, f"{pool}/{member}")}
    return [member for member in members if member not in known]


def _listed(paths: Sequence[PathKey]) -> str:
    shown = [f"{pool}/{member} on {route}" for pool, member, route in paths[:_MOST_LISTED]]
    more = len(paths) - len(shown)
    return ", ".join(shown) + (f", and {more} more" if more else "")


def _know(routes: Collection[str], settings: Settings) -> None:
    for route in routes:
        if route not in settings.routes:
            leave(f"there is no route {route}; routes are: {', '.join(settings.routes)}", Exit.CRITICAL)


async def _round(
    settings: Settings, routes: Collection[str], members: Collection[str], patience: timedelta | None
) -> Round:
    def wanted(route: Route, member: Member) -> bool:
        fits = not members or member.name in members or str(member) in members
        return fits and (not routes or route.name in routes)

    longest = max(route.deadline for route in settings.routes.values()) + GRACE + timedelta(seconds=5)
    progress = Progress()
    async with open_world(settings) as world:
        engine = Engine(settings, world, await tag_keys(settings, world.ledger), [progress])
        async with engine.working():
            with Live(progress, console=Console(stderr=True), transient=True, refresh_per_second=8):
                return await one_round(engine, wanted=wanted, patience=patience or longest)
