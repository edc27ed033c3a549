"""``mailflow explain``: the life of one probe, by its id, its Message-ID, or a message that is pasted."""

import asyncio
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console

from probe.cli.exits import Exit, config_option, leave, ledger_trouble_ends, settings_from
from probe.cli.render import print_life
from probe.model.pasted import LARGEST, by_message_id, read_pasted
from probe.model.settings import Settings
from probe.net.text import printable
from probe.ports import Ledger, Life
from probe.web.views import life_view, why
from probe.wiring.world import open_world, tag_keys

_PASTED = "-"


@dataclass(frozen=True, slots=True)
class _Answer:
    """What is known of what was asked for: a life, or a sentence, or both."""

    life: Life | None = None
    sentence: str | None = None


@click.command("explain")
@click.argument("asked", metavar="ID")
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(asked: str, config: Path, as_json: bool) -> None:
    """Tell the life of a probe: times, every SMTP command and reply, hops, outcome and why.

    ID is that of the probe, or the Message-ID of its message. With - a message is read from standard input: a whole
    one, or its header, or a bounce that quotes it.
    """
    settings = settings_from(config)
    pasted = _pasted() if asked == _PASTED else None
    with ledger_trouble_ends(Exit.UNKNOWN):
        answer = asyncio.run(_answer(settings, asked, pasted))
    if answer.life is None:
        leave(answer.sentence or "", Exit.UNKNOWN)
    if answer.sentence:
        click.echo(answer.sentence, err=True)
    if as_json:
        click.echo(json.dumps(life_view(answer.life), indent=2))
    else:
        print_life(Console(), answer.life, why(answer.life.record))


def _pasted() -> bytes:
    if sys.stdin is None:  # closed by who started us
        leave("there is no standard input to read a message from", Exit.UNKNOWN)
    try:
        return sys.stdin.buffer.read(LARGEST)
    except OSError as error:
        leave(f"standard input cannot be read: {error.strerror}", Exit.UNKNOWN)


async def _answer(settings: Settings, asked: str, pasted: bytes | None) -> _Answer:
    async with open_world(settings) as world:
        if pasted is not None:
            return await _by_message(settings, world.ledger, pasted)
        probe_id = by_message_id(asked) if "@" in asked else asked.lower()
        if probe_id is None:
            said = f"{printable(asked, 80)} is no Message-ID of ours: it was rewritten, or is that of other mail"
            return _Answer(sentence=said)
        life = await world.ledger.life(probe_id)
        return _Answer(life, None if life else f"there is no probe {printable(probe_id, 40)} in {settings.state}")


async def _by_message(settings: Settings, ledger: Ledger, pasted: bytes) -> _Answer:
    read = read_pasted(pasted, await tag_keys(settings, ledger), instance=settings.instance)
    life = await ledger.life(read.probe_id) if read.probe_id else None
    unknown = read.probe_id and not life
    return _Answer(life, f"{read.sentence}; it is unknown to {settings.state}" if unknown else read.sentence)
