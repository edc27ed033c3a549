"""Probes as people read them in a terminal."""

from dataclasses import replace
from datetime import timedelta
from io import StringIO

from rich.console import Console

from probe.cli.render import print_life
from probe.model.letter import Hop
from probe.model.outcome import Stage
from probe.model.probe import Record
from probe.model.reply import Exchange, Reply
from probe.ports import Life
from tests.model.build import NOW, SECOND, probe, sighting

MOMENT = timedelta(milliseconds=5)


def test_a_life_says_which_commands_were_pipelined_and_which_went_over_a_kept_connection() -> None:
    exchanges = [
        Exchange(Stage.MAIL, "RSET", Reply(250), MOMENT, MOMENT, pipelined=True, reused=True),
        Exchange(Stage.DATA, "DATA", Reply(354, ("go on",)), MOMENT, MOMENT, pipelined=True),
        Exchange(Stage.QUIT, "QUIT", Reply(221, ("bye",)), MOMENT, MOMENT),
    ]
    screen = StringIO()
    print_life(Console(file=screen, width=200), Life(Record(probe()), [], [exchanges]), "why")
    said = [line.partition("C: ")[2] for line in screen.getvalue().splitlines() if "C: " in line]
    assert said == ["RSET (kept connection, pipelined)", "DATA (pipelined)", "QUIT"]


def shown(hops: tuple[Hop, ...], *said: Exchange) -> list[str]:
    screen = StringIO()
    arrival = replace(sighting(), hops=hops)
    print_life(Console(file=screen, width=200), Life(Record(probe(), arrival=arrival), [], [said]), "why")
    return screen.getvalue().partition("path\n")[2].splitlines()


BANNER = Exchange(Stage.BANNER, "", Reply(220, ("mta1.lab.test ESMTP",)), MOMENT, MOMENT)
HOPS = (
    Hop("mta1.lab.test", "ESMTPS", NOW, None, "probe.lab.test", "4Z", True),
    Hop("store.lab.test", "LMTP", NOW + SECOND, SECOND, "mta1.lab.test", None, False),
    Hop("", None, None, None),
)


def test_a_path_names_hosts_protocols_and_the_member_that_was_dialled() -> None:
    assert shown(HOPS, BANNER) == [
        "  2026-03-01T12:00:00.000Z              ESMTPS   TLS    mta1.lab.test (the member) from probe.lab.test",
        "  2026-03-01T12:00:01.000Z        +1 s  LMTP     no TLS store.lab.test from mta1.lab.test",
        "  -                                     -               -",
        "  2026-03-01T12:00:01.000Z              seen in the inbox folder",
    ]


def test_a_member_that_left_no_stamp_is_worth_a_sentence() -> None:
    assert shown(HOPS[1:], BANNER)[-1] == "  The member that was dialled did not stamp the message."
    assert shown((), BANNER)[-1].endswith("seen in the inbox folder")


def test_an_attempt_whose_transcript_is_not_kept_is_told_from_one_without_a_connection() -> None:
    screen = StringIO()
    attempts = [[BANNER]] * 9 + [[]] + [[]] + [[BANNER]] * 10
    print_life(Console(file=screen, width=200), Life(Record(probe()), [], attempts), "why")
    told = screen.getvalue().split("\nSMTP, attempt ")
    assert told[10].splitlines() == ["10"]
    assert told[11].splitlines() == ["11", "  Kept are the transcripts of the first 10 and the last 10."]
    assert "S: 220 mta1.lab.test ESMTP" in told[12]


def test_why_it_ended_so_stands_on_one_line_however_narrow_the_screen_is() -> None:
    screen = StringIO()
    why = "mail refused: 550 5.7.1 " + " ".join(["a long reply"] * 20)
    print_life(Console(file=screen, width=80), Life(Record(probe()), [], []), why)
    assert screen.getvalue().splitlines()[0].endswith(why)
