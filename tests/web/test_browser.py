"""The pages in a real Chromium: live, by keyboard, in light and dark, and never misled by what came from outside."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from probe.engine.happenings import Ended, Judged, MembersKnown
from probe.model.outcome import State
from probe.model.settings import Member
from probe.model.verdict import Verdict
from probe.net.text import printable
from probe.web import Events, stream
from probe.web.guard import Guard
from tests.metrics.boards import NOW, a_probe, delivered, lively_board, missing
from tests.web.browser import NARROW, WIDE, Scheme, Tab, browser, tab
from tests.web.secured import LOGIN, USERS, web_file
from tests.web.serving import Books, World
from tests.web.test_page import HOLD, HOSTILE
from tests.web.test_probe_pages import lost
from tests.web.test_stream import nobody_listens

pytestmark = pytest.mark.lab

CONTRAST = (Path(__file__).parent / "contrast.js").read_text()
PAGES = ("/", "/probes", "/probes/a2")
UP = Verdict(State.UP, "2 probes in a row delivered", NOW + timedelta(hours=1), ("a3",), NOW)


@dataclass
class Chromium:
    """The browser of this file, in an event loop of its own."""

    running: Browser
    loop: asyncio.Runner

    def run(self, test: Callable[[], Awaitable[None]], *, seconds: float = 60) -> None:
        """Run a test under a deadline."""

        async def bounded() -> None:
            async with asyncio.timeout(seconds):
                await test()

        self.loop.run(bounded())


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    with asyncio.Runner() as loop:
        opening = browser()
        running = loop.run(opening.__aenter__())
        try:
            yield Chromium(running, loop)
        finally:
            loop.run(opening.__aexit__(None, None, None))


def lively_world() -> World:
    """A world in which mta2 is down for a message that it lost; of that one everything is known."""
    return World(books=Books(lives={"a2": lost(HOSTILE)}))


@dataclass
class Shown:
    """A page that is open in a tab."""

    page: Page
    world: World
    url: str
    tab: Tab = field(repr=False)

    async def open(self, path: str) -> None:
        await self.page.goto(self.url + path)

    def row(self, member: str) -> str:
        return f'tr[data-member="{member}"]'

    async def is_live(self) -> None:
        await expect(self.page.locator("#live")).to_have_text("live")


@asynccontextmanager
async def opened(
    chromium: Chromium,
    path: str = "/",
    *,
    world: World | None = None,
    scheme: Scheme = "light",
    size: tuple[int, int] = WIDE,
    script: bool = True,
) -> AsyncIterator[Shown]:
    """Serve a world, and open one of its pages; nothing may be complained about, and nothing asked for elsewhere."""
    world = world or lively_world()
    async with world.served() as client, tab(chromium.running, scheme=scheme, size=size, script=script) as at:
        shown = Shown(at.page, world, str(client.base_url).rstrip("/"), at)
        await shown.open(path)
        yield shown
        assert (at.complaints, at.strangers) == ([], [])


def test_a_verdict_changes_on_the_page_and_is_said_aloud_without_a_reload(chromium: Chromium) -> None:
    async def test() -> None:
        async with opened(chromium) as shown:
            # Given
            word = shown.page.locator(f"{shown.row('mta2')} .verdict strong")
            await expect(word).to_have_text("down")
            await shown.is_live()

            # When
            before = shown.world.board.verdict("vip", "mta2")
            shown.world.report(Judged("vip", "mta2", replace(UP, guarded=True, flapping=True, hold=HOLD), before))

            # Then
            await expect(word).to_have_text("up")
            await expect(shown.page.locator(f"{shown.row('mta2')} .flag")).to_have_text(
                ["held by hand", "kept up", "flapping"]
            )
            await expect(shown.page.locator(f"{shown.row('mta2')} .reason")).to_have_text(UP.reason)
            said = shown.page.locator("#announcements p")
            await expect(said).to_have_text(["vip/mta2 is up: 2 probes in a row delivered"])
            await expect(shown.page.locator("#headline")).to_have_text(
                "2 members up, none down, 1 kept up in spite of failing"
            )
            await expect(shown.page).to_have_title("2 members up, none down, 1 kept up in spite of failing: probe-a")

    chromium.run(test)


def test_it_does_not_say_live_while_the_stream_is_open_and_nothing_is_answered(chromium: Chromium) -> None:
    async def test() -> None:
        async with opened(chromium) as shown:
            await shown.is_live()
            await shown.page.route("**/parts", lambda route: route.abort())
            before = shown.world.board.verdict("vip", "mta2")
            shown.world.report(Judged("vip", "mta2", UP, before))
            await expect(shown.page.locator("#live")).to_have_text("not live, trying again")
            await shown.page.unroute("**/parts")
            shown.world.report(Judged("vip", "mta2", before, UP))
            await shown.is_live()
            shown.tab.complaints.clear()  # Chromium's own, of what was cut off

    chromium.run(test)


def test_what_was_drawn_live_is_what_a_reload_shows(chromium: Chromium) -> None:
    async def test() -> None:
        async with opened(chromium) as shown:
            # Given
            await shown.is_live()

            # When
            for number in range(50):
                took = timedelta(microseconds=1234 + 777_777 * (number % 7))
                record = delivered(f"b{number}")
                assert record.arrival
                shown.world.report(Ended(replace(record, arrival=replace(record.arrival, seen=NOW + took))))
            shown.world.report(Ended(replace(missing("b50"), probe=delivered("b50").probe)))
            boxes = shown.page.locator(f"{shown.row('mta1')} .strip a")
            await expect(boxes).to_have_count(40)
            await expect(boxes.last).to_have_attribute("href", "/probes/b50")
            live = await drawn(shown, "mta1")

            # Then
            await shown.open("/")
            assert await drawn(shown, "mta1") == live

    chromium.run(test)


async def drawn(shown: Shown, member: str) -> str:
    """Return the path of a member as markup, without what only tells that a box is new or where the focus stops."""
    read = """row => {
        const path = row.querySelector('.path').cloneNode(true);
        for (const box of path.querySelectorAll('a')) {
            box.classList.remove('new');
            if (box.tabIndex === 0) box.removeAttribute('tabindex');
            const names = ['class', 'href', 'tabindex', 'title'].filter((name) => box.hasAttribute(name));
            box.outerHTML = `<a ${names.map((name) => `${name}="${box.getAttribute(name)}"`)}></a>`;
        }
        return path.outerHTML + row.className + row.querySelector('a.proof').pathname;
    }"""
    return str(await shown.page.locator(shown.row(member)).evaluate(read))


def test_a_probe_that_is_told_again_is_not_drawn_again(chromium: Chromium) -> None:
    async def test() -> None:
        async with opened(chromium) as shown:
            await shown.is_live()
            shown.world.events(Ended(delivered("a1")))
            shown.world.events(Ended(delivered("b1")))
            boxes = shown.page.locator(f"{shown.row('mta1')} .strip a")
            await expect(boxes.last).to_have_attribute("href", "/probes/b1")
            await expect(boxes).to_have_count(2)

    chromium.run(test)


def test_a_click_on_a_box_leads_to_the_proof(chromium: Chromium) -> None:
    async def test() -> None:
        async with opened(chromium) as shown:
            await shown.page.locator(f"{shown.row('mta2')} .strip a").last.click()
            await expect(shown.page).to_have_url(f"{shown.url}/probes/a2")
            await expect(shown.page.locator("p.proof")).to_contain_text("Read at 10:05:01.000 UTC")
            await expect(shown.page.locator("tr.body")).to_contain_text("S: 250 2.0.0 550 <script>")

    chromium.run(test)


def test_everything_that_matters_is_there_without_a_script(chromium: Chromium) -> None:
    async def test() -> None:
        async with opened(chromium, script=False) as shown:
            await expect(shown.page.locator("#headline")).to_have_text("1 of 2 members down")
            await expect(shown.page.locator("#tools")).to_be_hidden()
            await shown.page.get_by_role("link", name="the proof").click()
            await expect(shown.page.locator("p.proof")).to_contain_text("it was not there")

    chromium.run(test)


def test_the_keyboard_is_enough(chromium: Chromium) -> None:
    async def test() -> None:
        world = lively_world()
        for number in (1, 2, 3):
            world.board(Ended(replace(missing(f"c{number}"), finished=NOW + timedelta(minutes=5, seconds=number))))
        async with opened(chromium, world=world) as shown:
            keys = shown.page.keyboard
            # The first stop leads past everything that repeats.
            await keys.press("Tab")
            await expect(shown.page.locator(":focus")).to_have_text("Skip to the content")
            await keys.press("Enter")
            # Each strip is one stop.
            stops = await walk(shown, until="/probes/c3")
            assert "/probes/a1" in stops
            assert "/probes/c1" not in stops
            assert await shown.page.locator(":focus").evaluate("box => getComputedStyle(box).outlineStyle") == "solid"
            # The arrows walk along it.
            for key, at in (("ArrowLeft", "c2"), ("Home", "a2"), ("ArrowLeft", "a2"), ("End", "c3"), ("Home", "a2")):
                await keys.press(key)
                await expect(shown.page.locator(":focus")).to_have_attribute("href", f"/probes/{at}")
            await keys.press("Enter")
            await expect(shown.page).to_have_url(f"{shown.url}/probes/a2")

    chromium.run(test)


async def walk(shown: Shown, *, until: str) -> list[str]:
    """Press the tabulator until a link has the focus; return the paths that had it, in order."""
    stops: list[str] = []
    for _ in range(40):
        await shown.page.keyboard.press("Tab")
        stops.append(await shown.page.evaluate("document.activeElement.pathname ?? document.activeElement.id"))
        if stops[-1] == until:
            return stops
    raise AssertionError(f"{until} is not reached, only {stops}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_word_can_be_read_in_light_and_in_dark(scheme: Scheme, chromium: Chromium) -> None:
    async def test() -> None:
        async with opened(chromium, scheme=scheme) as shown:
            for path in PAGES:
                await shown.open(path)
                await shown.page.evaluate("document.querySelector('details')?.setAttribute('open', '')")
                assert (path, await shown.page.evaluate(CONTRAST)) == (path, [])
            lightness = "getComputedStyle(document.documentElement).backgroundColor.match(/\\d+/)[0] > 128"
            assert await shown.page.evaluate(lightness) is (scheme == "light")

    chromium.run(test)


_NAMELESS = """() => Array.from(document.querySelectorAll('a, button, input, summary, table, section, [role=group]'))
    .filter((each) => each.checkVisibility())
    .filter((each) => !(each.textContent.trim() || each.title || each.ariaLabel || each.labels?.length))
    .map((each) => each.outerHTML)"""
_TWICE = """() => { const ids = Array.from(document.querySelectorAll('[id]'), (each) => each.id);
    return ids.filter((id, place) => ids.indexOf(id) !== place) }"""
_LEVELS = "() => Array.from(document.querySelectorAll('h1, h2, h3'), (each) => Number(each.tagName[1]))"
_UNSCOPED = "() => Array.from(document.querySelectorAll('th:not([scope])'), (each) => each.outerHTML)"


def test_a_screen_reader_finds_its_way(chromium: Chromium) -> None:
    async def test() -> None:
        async with opened(chromium) as shown:
            for path in PAGES:
                await shown.open(path)
                for landmark in ("banner", "navigation", "main"):
                    await expect(shown.page.get_by_role(landmark)).to_have_count(1)
                assert [await shown.page.evaluate(check) for check in (_NAMELESS, _TWICE, _UNSCOPED)] == [[], [], []]
                levels = await shown.page.evaluate(_LEVELS)
                assert levels[:1] == [1]
                assert all(below <= above + 1 for above, below in pairwise(levels))
                assert await shown.page.evaluate("document.documentElement.lang") == "en"
            await shown.open("/")
            await expect(shown.page.get_by_role("search")).to_have_count(1)
            await expect(shown.page.get_by_role("table")).to_have_count(2)
            await expect(shown.page.get_by_role("columnheader")).to_have_count(8)
            await expect(shown.page.get_by_role("row").get_by_role("rowheader")).to_have_count(3)
            await expect(shown.page.get_by_role("row").get_by_role("cell")).to_have_count(9)
            await expect(shown.page.get_by_label("Find")).to_have_count(1)
            strip = shown.page.get_by_role(
                "group", name="last 1 probes, newest last: 0 as expected; the newest: missing"
            )
            await expect(strip.get_by_role("link", name="missing 10:05:00 UTC")).to_have_count(1)
            assert await shown.page.evaluate("document.querySelectorAll('[aria-live]').length") == 1

    chromium.run(test)


def test_hostile_words_that_come_live_stay_words(chromium: Chromium) -> None:
    async def test() -> None:
        async with opened(chromium) as shown:
            await shown.is_live()
            shown.world.report(Judged("vip", "mta1", Verdict(State.DOWN, HOSTILE, NOW), UP))
            reason = shown.page.locator(f"{shown.row('mta1')} .reason")
            await expect(reason).to_have_text(printable(HOSTILE, 400), use_inner_text=False)
            await expect(shown.page.locator("#headline")).to_have_text("2 of 2 members down")
            await expect(shown.page.locator("#announcements p")).to_contain_text("<img src=x onerror=alert(1)>")
            await expect(shown.page.locator("main img, main script")).to_have_count(0)

    chromium.run(test)


def test_members_are_looked_for_by_words_and_by_trouble(chromium: Chromium) -> None:
    async def test() -> None:
        async with opened(chromium) as shown:
            rows = shown.page.locator("tr[data-member]:visible")
            await shown.page.get_by_label("only those in trouble").check()
            await expect(rows).to_have_count(1)
            await expect(shown.page.locator("#shown")).to_have_text("1 of 2 members are shown")
            await shown.page.get_by_label("only those in trouble").uncheck()
            await shown.page.get_by_label("Find").fill("MTA1 fine")
            await expect(rows).to_have_count(1)
            await expect(rows.first).to_contain_text("mta1")
            # A member that gets into trouble comes up by itself.
            await shown.page.get_by_label("Find").fill("")
            await shown.page.get_by_label("only those in trouble").check()
            await expect(rows).to_have_count(1)
            shown.world.report(Ended(replace(missing("d1"), probe=delivered("d1").probe)))
            await expect(rows).to_have_count(2)

    chromium.run(test)


def test_new_members_appear_by_themselves(chromium: Chromium) -> None:
    async def test() -> None:
        async with opened(chromium) as shown:
            await shown.is_live()
            names = ("mta1", "mta2", "mta3")
            shown.world.report(MembersKnown("vip", tuple(Member("vip", name, "127.0.0.1", 2525) for name in names)))
            await expect(shown.page.locator("tr[data-member]")).to_have_count(3)
            shown.world.report(Judged("vip", "mta3", UP, None))
            await expect(shown.page.locator(f"{shown.row('mta3')} .verdict strong")).to_have_text("up")

    chromium.run(test)


def test_strips_further_down_are_drawn_when_they_come_into_view_with_what_finished_meanwhile(
    chromium: Chromium,
) -> None:
    async def test() -> None:
        world = lively_world()
        names = [f"mta{number}" for number in range(1, 121)]
        world.board(MembersKnown("vip", tuple(Member("vip", name, "127.0.0.1", 2525) for name in names)))
        for name in names:
            world.board(Ended(replace(delivered(f"of-{name}"), probe=a_probe(f"of-{name}", name))))
        async with opened(chromium, world=world) as shown:
            await shown.is_live()
            boxes = shown.page.locator(f"{shown.row('mta120')} .strip a")
            await expect(boxes).to_have_count(0)
            lost_now = replace(missing("late"), probe=a_probe("late", "mta120"))
            for _ in range(2):
                shown.world.events(Ended(lost_now))  # on the board of the server nothing is known of it yet
            await expect(shown.page.locator(f"{shown.row('mta120')}.trouble")).to_have_count(1)
            await shown.page.locator(shown.row("mta120")).scroll_into_view_if_needed()
            await expect(boxes).to_have_count(2)
            await expect(boxes.last).to_have_attribute("title", "missing 10:05:00 UTC")

    chromium.run(test)


def test_a_tab_that_nobody_sees_gives_its_connection_back_and_catches_up_when_it_is_seen_again(
    chromium: Chromium,
) -> None:
    async def test() -> None:
        async with opened(chromium) as shown:
            await shown.is_live()
            await shown.page.clock.install()
            await shown.page.evaluate(_SEEN, False)
            await shown.page.clock.run_for(10_000)
            await expect(shown.page.locator("#live")).not_to_have_text("live")
            await nobody_listens(shown.world)
            shown.world.report(Judged("vip", "mta2", UP, None))
            await shown.page.evaluate(_SEEN, True)
            await expect(shown.page.locator(f"{shown.row('mta2')} .verdict strong")).to_have_text("up")
            await shown.is_live()

    chromium.run(test)


_SEEN = """(seen) => {
    Object.defineProperty(document, "hidden", { value: !seen, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
}"""


def test_a_link_to_a_member_that_is_not_shown_shows_it(chromium: Chromium) -> None:
    async def test() -> None:
        async with opened(chromium) as shown:
            await shown.page.get_by_label("Find").fill("mta1")
            row = shown.page.locator(shown.row("mta2"))
            await expect(row).to_be_hidden()
            await shown.page.locator("#overview").get_by_role("link", name="vip/mta2").click()
            await expect(row).to_be_in_viewport()

    chromium.run(test)


def test_the_page_goes_on_by_itself_after_the_program_was_started_again(
    chromium: Chromium, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "RETRY_SECONDS", 0.2)

    async def test() -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        async with tab(chromium.running) as at:
            word = at.page.locator('tr[data-member="mta2"] .verdict strong')
            async with lively_world().served(port=port):
                await at.page.goto(f"http://127.0.0.1:{port}/")
                await expect(at.page.locator("#live")).to_have_text("live")
            await expect(at.page.locator("#live")).to_have_text("not live, trying again")
            again = World(lively_board(), events=Events("run2"))
            again.board(Judged("vip", "mta2", UP, None))
            async with again.served(port=port):
                await expect(word).to_have_text("up", timeout=30_000)
                await expect(at.page.locator("#live")).to_have_text("live")
                again.report(Judged("vip", "mta2", replace(UP, state=State.DOWN), UP))
                await expect(word).to_have_text("down")
            assert at.strangers == []

    chromium.run(test)


def test_it_is_live_behind_a_login(chromium: Chromium) -> None:
    async def test() -> None:
        world = World(guard=Guard(web_file(users=USERS)))
        async with world.served() as client, tab(chromium.running, login=LOGIN) as at:
            await at.page.goto(str(client.base_url))
            await expect(at.page.locator("#live")).to_have_text("live")
            world.report(Judged("vip", "mta2", UP, None))
            await expect(at.page.locator('tr[data-member="mta2"] .verdict strong')).to_have_text("up")
            assert at.complaints == []

    chromium.run(test)


def test_a_telephone_shows_it_without_scrolling_sideways(chromium: Chromium) -> None:
    async def test() -> None:
        world = lively_world()
        for number in range(45):
            world.board(Ended(delivered(f"b{number}")))
        async with opened(chromium, world=world, size=NARROW) as shown:
            for path in PAGES:
                await shown.open(path)
                wide = await shown.page.evaluate("document.scrollingElement.scrollWidth - innerWidth")
                assert (path, wide) == (path, 0)
            await shown.open("/")
            newest = shown.page.locator(f"{shown.row('mta1')} .strip a").last
            await expect(newest).to_be_in_viewport()

    chromium.run(test)
