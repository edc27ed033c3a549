"""The page of a probe and the list of probes: the proof, readable without a script."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from probe.model.outcome import Outcome, Stage
from probe.model.probe import Record
from probe.model.reply import Exchange, Reply
from probe.ports import Event, Life, Page, Query
from tests.metrics.boards import NOW, a_probe, accepted, delivered, missing
from tests.web.serving import Books, World
from tests.web.test_page import HOSTILE, elements, shown

QUEUED = Exchange(
    Stage.BODY,
    "<800 octets>",
    Reply(250, ("ok: queued as 05474B",), "2.0.0"),
    timedelta(milliseconds=23),
    timedelta(milliseconds=1),
)
BANNER = Exchange(
    Stage.BANNER, "", Reply(220, ("mta1.lab.test ESMTP", "hello")), timedelta(0), timedelta(0), reused=True
)


def lost(reply: str = "ok: queued as 05474B") -> Life:
    """A probe that was taken, and was not there when the mailbox was read."""
    record = missing("a2")
    read = Event(NOW + timedelta(minutes=5, seconds=1), "read", "all of monitor that is watched, and it was not there")
    queued = replace(QUEUED, reply=Reply(250, (reply,), "2.0.0"))
    return Life(record, [Event(NOW, "started", "for mta2 at 127.0.0.1:2525"), read], [[BANNER, queued]])


def page_of(life: Life) -> str:
    return shown(World(books=Books(lives={"a": life})), "/probes/a")


def test_the_proof_that_a_member_discards_is_said_in_one_place() -> None:
    assert (
        '<p class="proof">The member took it at 10:00:00.080 UTC and said “250 2.0.0 ok: queued as 05474B”. '
        "Read at 10:05:01.000 UTC: all of monitor that is watched, and it was not there.</p>"
    ) in page_of(lost())


def test_the_transcript_is_told_line_by_line() -> None:
    html = page_of(lost())
    assert "<h2>What was said</h2>" in html
    assert ('<span class="server">S: 220-mta1.lab.test ESMTP</span><span class="server">S: 220 hello</span>') in html
    assert '<span class="client">C: &lt;800 octets&gt;</span>' in html
    assert "banner <small>kept connection</small>" in html


def test_each_attempt_has_its_transcript() -> None:
    life = replace(lost(), transcripts=[[BANNER], [], [QUEUED]])
    html = page_of(life)
    assert "What was said, attempt 1" in html
    assert "What was said, attempt 3" in html


def test_the_events_stand_in_their_order_with_their_distance_from_the_start() -> None:
    html = page_of(lost())
    assert html.index("+0.000 s</td><td>started") < html.index("+301.000 s</td><td>read")


def test_a_delivered_probe_shows_the_way_it_took() -> None:
    html = page_of(replace(lost(), record=delivered("a1")))
    assert "<h2>Which way it took</h2>" in html
    assert "<td>mta1.lab.test <small>the member</small></td>" in html
    assert "seen in the folder for inbox" in html
    assert "<li>spf=pass</li>" in html
    assert 'class="proof"' not in html


@pytest.mark.parametrize("record", [Record(a_probe("a")), accepted("a"), delivered("a"), missing("a")])
def test_every_probe_has_its_page(record: Record) -> None:
    html = page_of(Life(record, [], []))
    assert "mailflow explain a" in html
    assert '<a href="/api/v1/probes/a">as JSON</a>' in html


def test_nothing_that_a_server_said_is_markup() -> None:
    life = lost(HOSTILE)
    html = page_of(replace(life, events=[*life.events, Event(NOW, HOSTILE, HOSTILE)]))
    assert [tag for tag, _ in elements(html) if tag in {"script", "img"}] == []
    assert "&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;" in html
    assert "\x1b" not in html


def test_a_probe_that_does_not_exist_has_no_page() -> None:
    response = asyncio.run(World().ask("/probes/nothing"))
    assert response.status_code == 404
    assert "There is no such probe." in response.text


@pytest.mark.parametrize("path", ["/probes", "/probes/a1"])
def test_a_ledger_that_does_not_work_is_said_on_a_page(path: str) -> None:
    response = asyncio.run(World(books=Books(trouble="the disk is <full>")).ask(path))
    assert response.status_code == 503
    assert "the disk is &lt;full&gt;" in response.text


def test_probes_are_listed_with_the_way_to_each_and_to_older_ones() -> None:
    world = World(books=Books(page=Page((delivered("a1"), missing("a2"), Record(a_probe("a3"))), "next-page")))
    html = shown(world, "/probes?pool=vip&outcome=missing")
    assert world.books.asked == [Query(pool="vip", outcome=Outcome.MISSING)]
    links = [attributes.get("href") for tag, attributes in elements(html) if tag == "a"]
    assert links[-4:] == ["/probes/a1", "/probes/a2", "/probes/a3", "/probes?pool=vip&outcome=missing&next=next-page"]
    assert '<strong class="down">missing</strong>' in html


def test_a_bad_parameter_is_said_on_a_page() -> None:
    response = asyncio.run(World().ask("/probes?colour=<red>"))
    assert response.status_code == 400
    assert "&#x27;colour&#x27; is no parameter" in response.text


@pytest.mark.parametrize(
    "path, kind", [("page.css", "text/css"), ("page.js", "text/javascript"), ("icon.svg", "image/svg+xml")]
)
def test_what_a_browser_fetches_has_its_type(path: str, kind: str) -> None:
    response = asyncio.run(World().ask(f"/assets/{path}"))
    assert (response.status_code, response.headers["content-type"].split(";")[0]) == (200, kind)


@pytest.mark.parametrize("path", ["/assets/..%2fpage.py", "/assets/nothing", "/assets/"])
def test_there_is_no_other_file(path: str) -> None:
    assert asyncio.run(World().ask(path)).status_code == 404
