"""``mailflow history``: how verdicts changed, when and why."""

import asyncio
import json
from pathlib import Path

import click
from rich.console import Console
from rich.text import Text

from probe.cli.exits import Exit, config_option, leave, ledger_trouble_ends, settings_from
from probe.cli.render import state_text
from probe.cli.rows import print_rows
from probe.ledger import open_ledger
from probe.model.history import Change
from probe.model.settings import Settings
from probe.net.text import printable
from probe.ports import LONGEST_PAGE, ChangeQuery, Changes
from probe.web.views import changes_view


@click.command("history")
@click.argument("whose", metavar="[POOL[/MEMBER]]", required=False)
@config_option
@click.option("--limit", type=click.IntRange(1, LONGEST_PAGE), default=100, show_default=True, help="So many at most.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(whose: str | None, config: Path, limit: int, as_json: bool) -> None:
    """Tell how verdicts changed, the newest first: of all members, of a pool, or of one member."""
    settings = settings_from(config)
    pool, _, member = (whose or "").partition("/")
    if pool and pool not in settings.pools:
        leave(f"there is no pool {printable(pool, 80)}; pools are: {', '.join(settings.pools)}", Exit.UNKNOWN)
    with ledger_trouble_ends(Exit.UNKNOWN):
        found = asyncio.run(_found(settings, ChangeQuery(pool or None, member or None, limit)))
    if member and not found.changes:
        leave(f"of {printable(whose or '', 160)} nothing is known", Exit.UNKNOWN)
    if as_json:
        click.echo(json.dumps(changes_view(found), indent=2))
    elif not found.changes:
        click.echo("no verdict has changed yet")
    else:
        print_rows(Console(), ("at", "member", "from", "to", "cause", "why"), [_row(each) for each in found.changes])


async def _found(settings: Settings, query: ChangeQuery) -> Changes:
    async with open_ledger(settings.state, instance=settings.instance) as ledger:
        return await ledger.changes(query)


def _row(change: Change) -> tuple[Text, ...]:
    return (
        Text(f"{change.at:%Y-%m-%d %H:%M:%S UTC}"),
        Text(printable(f"{change.pool}/{change.member}")),
        state_text(change.before) if change.before else Text("-"),
        state_text(change.after),
        Text(change.cause.value),
        Text(printable(change.reason, 400)),
    )
