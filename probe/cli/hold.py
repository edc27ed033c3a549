"""``mailflow hold``: the word of an operator goes before the evidence, for a while."""

import json
from datetime import datetime, timedelta
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from probe.cli.duration import DURATION
from probe.cli.exits import Exit, leave
from probe.cli.hold_books import MEMBER, HoldBook, at_a_hold_book
from probe.cli.render import state_text
from probe.cli.rows import print_rows
from probe.model.outcome import State
from probe.model.settings import MemberKey
from probe.net.text import printable

_STATE = click.Choice([state.value for state in State])


@click.command("hold")
@click.argument("member", metavar="[POOL/MEMBER]", type=MEMBER, required=False)
@click.option("--for", "length", type=DURATION, help="How long, like 1h; 30d at most.")
@click.option("--why", help="Why, in a few words; everybody is shown them.")
@click.option("--as", "state", type=_STATE, help="What it is held as; by default as it is now.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@at_a_hold_book
def command(
    member: MemberKey | None,
    length: timedelta | None,
    why: str | None,
    state: str | None,
    as_json: bool,
    book: HoldBook,
) -> None:
    """Hold the verdict on a member, whatever its probes say; without one, list all holds."""
    if member is None:
        if length or why or state:
            leave("name the member to hold, as POOL/MEMBER", Exit.CRITICAL)
        _print_all(book.lasting(), as_json=as_json)
    elif length is None or not why:
        leave("say for how long and why: --for 1h --why 'replacing its disk'", Exit.CRITICAL)
    else:
        hold = book.hold(member, length=length, why=why, state=State(state) if state else None)
        click.echo(json.dumps(hold, indent=2) if as_json else sentence(hold))


def sentence(hold: dict[str, Any]) -> str:
    """Say a hold in words."""
    texts = {key: printable(str(value)) for key, value in hold.items()}
    name = f"{texts['pool']}/{texts['member']}"
    return f"{name} is held {texts['state']} until {_minute(hold['until'])}, by {texts['by']}: {texts['why']}"


def _print_all(listed: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(listed, indent=2))
    elif not listed["holds"]:
        click.echo("nothing is held")
    else:
        print_rows(Console(), ("member", "held", "until", "by", "why"), [_row(hold) for hold in listed["holds"]])


def _row(hold: dict[str, Any]) -> tuple[Text, ...]:
    name = Text(printable(f"{hold['pool']}/{hold['member']}"))
    by, why = (Text(printable(hold[key])) for key in ("by", "why"))
    return name, state_text(State(hold["state"])), Text(_minute(hold["until"])), by, why


def _minute(moment: str) -> str:
    return f"{datetime.fromisoformat(moment):%Y-%m-%d %H:%M UTC}"
