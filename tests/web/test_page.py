"""The status page as the server writes it: everything at a glance, and nothing from outside as markup."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest

import probe.web.page
from probe.engine.board import Board
from probe.engine.happenings import (
    DiscoveryFailed,
    Ended,
    FolderRead,
    Judged,
    LedgerFailed,
    LedgerWorks,
    MailboxFailed,
    MembersKnown,
    SetbacksChanged,
    SharedFault,
)
from probe.engine.strips import STRIP
from probe.model.culprit import Blame, Culprit
from probe.model.hold import Hold
from probe.model.letter import Folder
from probe.model.maintenance import Window
from probe.model.outcome import State
from probe.model.settings import Member, Pool, SmtpSettings, Tls
from probe.model.trouble import Trouble, TroubleKind
from probe.model.verdict import Verdict
from probe.web.page.overview import NAMED
from probe.web.page.rows import pool_head
from probe.web.page.status import DRAWN
from tests.metrics.boards import NOW, a_probe, delivered, fresh_board, greylisted, missing, settings
from tests.web.serving import World

ASSETS = Path(probe.web.page.__file__).parent / "assets"
HOSTILE = """550 <script>alert('x')</script> "><img src=x onerror=alert(1)> &lt; \x1b[31m \u202e"""

Attributes = Mapping[str, str | None]


class _Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, Attributes]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def elements(html: str) -> list[tuple[str, Attributes]]:
    """Return every element with its attributes, as a browser would see them."""
    parser = _Elements()
    parser.feed(html)
    return parser.found


def shown(world: World, path: str = "/") -> str:
    return asyncio.run(world.ask(path)).text


def boxes(html: str) -> list[Attributes]:
    return [attributes for tag, attributes in elements(html) if tag == "a" and "title" in attributes]


def down(name: str, reason: str = "it failed") -> Judged:
    return Judged("vip", name, Verdict(State.DOWN, reason, NOW, ("a2",), NOW), None)


def test_it_leads_to_everything_and_needs_nothing_from_elsewhere() -> None:
    html = shown(World())
    links = {attributes.get("href") for _, attributes in elements(html)}
    assert links >= {"/metrics", "/probes", "/health/vip", "/probes?pool=vip&member=mta1", "/probes/a2", "#vip/mta2"}
    assert "//" not in html


def test_all_of_its_script_is_named_in_it_and_there() -> None:
    preloads = {
        attributes["href"] for _, attributes in elements(shown(World())) if attributes.get("rel") == "modulepreload"
    }
    written = {f"/assets/{file.name}" for file in ASSETS.glob("*.js")}
    assert preloads == written - {"/assets/page.js"}


def test_it_keeps_to_its_own_content_security_policy() -> None:
    for tag, attributes in elements(shown(World())):
        assert tag != "style"
        assert not {name for name in attributes if name == "style" or name.startswith("on")}
        assert tag != "script" or attributes.get("src") == "/assets/page.js"


def test_a_pool_with_the_name_of_a_part_of_the_page_is_told_apart_from_it() -> None:
    ids = [attributes["id"] for _, attributes in elements(shown(World(board_with("overview")))) if "id" in attributes]
    assert len(ids) == len(set(ids))


def board_with(pool: str) -> Board:
    asked = settings()
    return fresh_board(replace(asked, pools={pool: replace(asked.pools["vip"], name=pool)}, routes={}))


@pytest.mark.parametrize(
    "smtp, told",
    [
        (SmtpSettings(tls=Tls.NONE), "<small>without TLS</small>"),
        (SmtpSettings(tls=Tls.STARTTLS), "<small>certificates are not checked</small>"),
        (SmtpSettings(tls=Tls.STARTTLS, verify=True), "<small></small>"),
    ],
)
def test_it_says_what_is_not_protected_on_the_way_to_the_members(smtp: SmtpSettings, told: str) -> None:
    assert f"health</a> {told}</h2>" in pool_head(Pool("vip", smtp=smtp))


def test_it_says_who_is_down_since_when_and_why_and_leads_to_the_proof() -> None:
    html = shown(World())
    assert '<h2 id="headline">1 of 2 members down</h2>' in html
    assert (
        '<li class="bad"><a href="#vip/mta2">vip/mta2</a> is down for '
        '<time datetime="2026-11-21T10:00:00Z" title="2026-11-21 10:00:00 UTC">30 s</time>: '
        '3 probes in a row missing; <a href="/probes/a2">the proof</a></li>'
    ) in html


@pytest.mark.parametrize(
    "states, headline",
    [
        ({}, "0 of 2 members up, 2 unknown"),
        ({"mta1": State.UP}, "1 of 2 members up, 1 unknown"),
        ({"mta1": State.UP, "mta2": State.UP}, "2 members up, none down"),
        ({"mta1": State.DOWN}, "1 of 2 members down, 1 unknown"),
        ({"mta1": State.DOWN, "mta2": State.UP}, "1 of 2 members down"),
    ],
)
def test_the_headline_counts(states: dict[str, State], headline: str) -> None:
    world = World(fresh_board())
    for name, state in states.items():
        world.board(Judged("vip", name, Verdict(state, "so it is", NOW), None))
    html = shown(world)
    assert f'<h2 id="headline">{headline}</h2>' in html
    assert f'data-title="{headline}: probe-a"' in html


def test_of_many_that_are_down_some_are_named_and_the_others_counted() -> None:
    world = World(fresh_board())
    names = [f"mta{number}" for number in range(NAMED + 2)]
    world.board(MembersKnown("vip", tuple(Member("vip", name, "127.0.0.1", 2525) for name in names)))
    for name in names:
        world.board(down(name))
    html = shown(world)
    assert html.count(" is down for ") == NAMED
    assert "The same is true of 2 further members" in html


def test_it_says_of_a_member_that_is_kept_up_that_it_is() -> None:
    world = World()
    kept = Verdict(State.UP, "it fails, but min_healthy keeps it up", NOW, ("a1",), NOW, guarded=True)
    world.board(Judged("vip", "mta1", kept, None))
    html = shown(world)
    assert '<h2 id="headline">1 of 2 members down, 1 kept up in spite of failing</h2>' in html
    assert "fails, and is kept up: it fails, but min_healthy keeps it up; " in html
    assert '<span class="flag">kept up</span>' in html


def test_it_says_of_a_member_that_is_up_and_flaps_that_it_does() -> None:
    world = World()
    flapping = Verdict(State.UP, "2 in a row delivered; it is flapping", NOW, ("a1",), NOW, flapping=True)
    world.board(Judged("vip", "mta1", flapping, None))
    html = shown(world)
    assert "goes up and down again and again: 2 in a row delivered; it is flapping; " in html
    assert '<span class="flag">flapping</span>' in html


HOLD = Hold(State.UP, "new <disks>", "ada", NOW, NOW + timedelta(hours=1))
WINDOW = Window("new disks", NOW, NOW + timedelta(hours=1))


@pytest.mark.parametrize(
    "verdict, told, flag",
    [
        (Verdict(State.UP, HOLD.sentence, NOW, hold=HOLD), "is what somebody says: held up by hand", "held by hand"),
        (Verdict(State.DOWN, HOLD.sentence, NOW, hold=HOLD), "is down for ", "held by hand"),
        (Verdict(State.UP, WINDOW.sentence, NOW, maintenance=WINDOW), "is under maintenance: ", "maintenance"),
    ],
)
def test_it_says_where_operators_have_their_say(verdict: Verdict, told: str, flag: str) -> None:
    world = World()
    world.board(Judged("vip", "mta1", verdict, None))
    html = shown(world)
    assert told in html
    assert f'<span class="flag">{flag}</span>' in html
    assert "<disks>" not in html


def test_it_says_that_nothing_is_sent_while_the_ledger_does_not_work() -> None:
    world = World()
    world.board(LedgerFailed("the ledger <m.db> cannot be used: disk is full"))
    assert "Nothing is sent: the ledger &lt;m.db&gt; cannot be used: disk is full" in shown(world)
    world.board(LedgerWorks())
    assert "Nothing is sent" not in shown(world)


def test_it_says_why_a_mailbox_cannot_be_read() -> None:
    world = World()
    world.board(MailboxFailed("monitor", "connection refused"))
    html = shown(world)
    assert "Mailbox monitor cannot be read, so that nobody can tell what arrives in it: connection refused" in html
    assert '<strong class="down">unreadable</strong>' in html


def test_of_a_mailbox_that_could_not_be_read_since_the_start_it_does_not_say_never() -> None:
    world = World(fresh_board())
    world.board(MailboxFailed("monitor", "connection refused"))
    assert '<strong class="down">unreadable</strong></td><td>not yet</td>' in shown(world)


def test_it_says_what_is_wrong_with_a_mailbox_that_can_be_read() -> None:
    world = World()
    full = Trouble(TroubleKind.OVER_QUOTA, "it is full")
    world.board(FolderRead("monitor", Folder.INBOX, NOW, 100, backlog=50, since=NOW, troubles=(full,)))
    assert "<td>it is full; up to 50 older messages are still to be read</td>" in shown(world)


@pytest.mark.parametrize(
    "fails, told", [(True, '<li class="bad">Route inbound of vip fails for all members'), (False, "proves nothing")]
)
def test_it_tells_of_a_route_that_is_of_no_use_while_no_member_is_called_down(fails: bool, told: str) -> None:
    world = World()
    blame = Blame(Culprit.ALL_POOLS, "look at the <mailbox>", fails=fails)
    world.board(SharedFault("vip", "inbound", fails, blame, NOW))
    html = shown(world)
    assert told in html
    assert '30 s</time>: look at the &lt;mailbox&gt; <span class="flag">all pools</span></li>' in html
    world.board(SharedFault("vip", "inbound", False))
    assert "Route inbound" not in shown(world)


def test_it_tells_how_the_members_were_not_found() -> None:
    world = World()
    world.board(DiscoveryFailed("vip", "<nobody> answers"))
    assert "Pool vip: &lt;nobody&gt; answers" in shown(world)


def test_it_tells_in_one_sentence_why_retries_wait() -> None:
    world = World()
    world.board(SetbacksChanged("vip", "mta2", (greylisted(),)))
    said = (
        "<p>Retries: monitor@lab.test is refused since 2026-11-21T10:00:00Z, 2 times, "
        "last: rcpt refused: 450 4.2.0 Greylisted &lt;now&gt;; no retry before 2026-11-21T10:02:00Z</p>"
    )
    assert said in shown(world)
    assert f'<li data-pool="vip" data-member="mta2">{said}</li>' in shown(world, "/parts")


def test_every_probe_is_a_box_that_leads_to_it() -> None:
    assert boxes(shown(World())) == [
        {"class": "ok delivered", "href": "/probes/a1", "title": "delivered 10:00:02 UTC, 1.5 s"},
        {"class": "bad missing", "href": "/probes/a2", "title": "missing 10:05:00 UTC"},
    ]


def test_a_strip_says_in_words_what_it_shows_and_has_one_stop_for_the_tabulator() -> None:
    world = World()
    for number in range(STRIP + 5):
        world.board(Ended(replace(delivered(f"b{number}"), finished=NOW + timedelta(seconds=number))))
    html = shown(world)
    strips = [attributes for tag, attributes in elements(html) if attributes.get("class") == "strip"]
    assert strips[0]["aria-label"] == f"last {STRIP} probes, newest last: {STRIP} as expected; the newest: delivered"
    of_mta1 = boxes(html)[:STRIP]
    assert [box["href"] for box in of_mta1] == [f"/probes/b{number}" for number in range(5, STRIP + 5)]
    assert [box for box in of_mta1 if "tabindex" not in box] == [of_mta1[-1]]


def test_what_was_not_delivered_leaves_a_gap_in_the_line() -> None:
    world = World(fresh_board())
    lost = replace(missing("a3"), probe=delivered("a3").probe)
    for record in (delivered("a1"), delivered("a2"), lost, delivered("a4")):
        world.board(Ended(record))
    (drawn, _) = re.findall(r'<path d="([^"]*)"/>', shown(world))
    assert drawn == "M5 2h0L16 2M38 2h0"
    assert "last delivery 1.5 s, median 1.5 s, slowest 1.5 s" in shown(world)


def test_the_strips_of_the_first_are_drawn_and_those_of_the_others_told_in_words_until_they_are_asked_for() -> None:
    world = World(fresh_board())
    names = [f"mta{number:03}" for number in range(DRAWN + 1)]
    world.board(MembersKnown("vip", tuple(Member("vip", name, "127.0.0.1", 2525) for name in names)))
    for name in names:
        world.board(Ended(replace(delivered(f"of-{name}"), probe=a_probe(f"of-{name}", name))))
    html, last = shown(world), names[-1]
    assert len(boxes(html)) == DRAWN
    assert html.count("data-later") == 1
    assert "1 as expected; the newest: delivered; last delivery 1.5 s" in html
    strips = shown(world, f"/strips?pool=vip&member={last}&member=nobody")
    assert [box["href"] for box in boxes(strips)] == [f"/probes/of-{last}"]
    assert f'<li data-pool="vip" data-member="{last}"><div class="path"' in strips
    assert "nobody" not in strips


def test_there_are_no_strips_of_a_pool_that_does_not_exist() -> None:
    assert asyncio.run(World().ask("/strips?pool=nothing&member=mta1")).status_code == 404


def test_members_that_need_somebody_to_look_at_them_are_marked() -> None:
    world = World()
    rows = {row["data-member"]: row.get("class") for tag, row in elements(shown(world)) if tag == "tr" and "id" in row}
    assert rows == {"mta1": None, "mta2": "trouble"}


def test_nothing_from_outside_is_markup_anywhere() -> None:
    world = World()
    clean = [tag for tag, _ in elements(shown(world))]
    world.board(down("mta2", HOSTILE))
    html = shown(world)
    assert [tag for tag, _ in elements(html)] == clean
    assert "550 &lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;" in html
    assert "\x1b" not in html
    assert "\u202e" not in html


def test_the_parts_that_change_as_a_whole_are_those_of_the_page() -> None:
    world = World()
    html, parts = shown(world), shown(world, "/parts")
    for part in ("overview", "mailboxes"):
        section = re.search(rf'<section id="{part}".*?</section>', parts, re.DOTALL)
        assert section
        assert section[0] in html
