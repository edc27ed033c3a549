"""Probes as people read them in a terminal."""

from datetime import timedelta
from io import StringIO

from rich.console import Console

from probe.cli.render import print_life
from probe.model.outcome import Stage
from probe.model.probe import Record
from probe.model.reply import Exchange, Reply
from probe.ports import Life
from tests.model.build import probe

MOMENT = timedelta(milliseconds=5)


def test_a_life_says_which_commands_were_pipelined() -> None:
    exchanges = [
        Exchange(Stage.DATA, "DATA", Reply(354, ("go on",)), MOMENT, MOMENT, pipelined=True),
        Exchange(Stage.QUIT, "QUIT", Reply(221, ("bye",)), MOMENT, MOMENT),
    ]
    screen = StringIO()
    print_life(Console(file=screen, width=200), Life(Record(probe()), [], [exchanges]), "why")
    said = [line.partition("C: ")[2] for line in screen.getvalue().splitlines() if "C: " in line]
    assert said == ["DATA (pipelined)", "QUIT"]
