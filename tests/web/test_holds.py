"""Holds over HTTP: whoever may place them, in what words, and who may not."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from probe.engine.happenings import Judged
from probe.model.history import Cause, Change
from probe.model.hold import Hold
from probe.model.maintenance import Window
from probe.model.outcome import State
from probe.model.settings import Web
from probe.model.verdict import Verdict
from probe.ports import ChangeQuery, Changes
from probe.web import Guard
from tests.metrics.boards import NOW, fresh_board, lively_board, settings
from tests.web.secured import LOGIN, USERS, web_file
from tests.web.serving import World

ASKED_AT = NOW + timedelta(seconds=30)
HOLD = Hold(State.UP, "a new disk", "ann", ASKED_AT, ASKED_AT + timedelta(hours=1))
SHOWN = {
    "state": "up",
    "why": "a new disk",
    "by": "ann",
    "since": "2026-11-21T10:00:30.000000Z",
    "until": "2026-11-21T11:00:30.000000Z",
}
ASKED = {"pool": "vip", "member": "mta1", "for": "1h", "why": "a new disk", "by": "ann"}
RELEASE = "/api/v1/holds/vip/mta1/release"


def world(*, lifecycle: bool = True) -> World:
    board = lively_board()
    board.settings = replace(settings(), web=Web(lifecycle=lifecycle))
    return World(board)


def post(
    asked: World, body: Any, path: str = "/api/v1/holds", *, content_type: str = "application/json", **headers: str
) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return asyncio.run(asked.ask(path, "POST", content=content, Content_Type=content_type, **headers))


def test_a_hold_is_placed_as_the_verdict_is_now() -> None:
    asked = world()
    answer = post(asked, ASKED)
    assert (answer.status_code, answer.json()) == (200, {"pool": "vip", "member": "mta1"} | SHOWN)
    assert asked.holds.kept == {("vip", "mta1"): HOLD}


@pytest.mark.parametrize("state", State)
def test_a_hold_is_placed_as_what_is_asked_for(state: State) -> None:
    asked = world()
    assert post(asked, ASKED | {"as": state}).json()["state"] == state
    assert asked.holds.kept["vip", "mta1"].state is state


def test_who_gives_no_name_is_named_by_the_address() -> None:
    asked = world()
    assert post(asked, {key: ASKED[key] for key in ("pool", "member", "for", "why")}).status_code == 200
    assert asked.holds.kept["vip", "mta1"].by == "somebody at 127.0.0.1"


def test_what_is_said_of_a_hold_is_escaped_and_a_name_is_cut() -> None:
    asked = world()
    assert post(asked, ASKED | {"why": " a\n\x1b[31mb ", "by": "x" * 200}).status_code == 200
    hold = asked.holds.kept["vip", "mta1"]
    assert (hold.why, hold.by) == ("a\\n\\x1b[31mb", "x" * 63 + "…")


@pytest.mark.parametrize(
    "body, said",
    [
        (b"", "pool is missing"),
        (b"{", "the body is not JSON"),
        (b"\xff", "the body is not JSON"),
        (b"[" * 10_000, "the body is not JSON"),
        (b"[]", "the body is not a JSON object"),
        (b" " * 20_000, "the body is longer than 16384 bytes"),
        (ASKED | {"until": "later"}, "until is not a known key; there are pool, member, for, why, as, by"),
        (ASKED | {"pool": None}, "pool is missing"),
        (ASKED | {"member": 1}, "member is not text"),
        (ASKED | {"for": ["1h"]}, "for is not text"),
        (ASKED | {"for": "1 hour"}, '"1 hour" is not a duration; write 90s or 5m'),
        (ASKED | {"for": "0s"}, "a hold lasts more than no time, and 30 days at most"),
        (ASKED | {"for": "31d"}, "a hold lasts more than no time, and 30 days at most"),
        (ASKED | {"why": " "}, "why is not text"),
        (ASKED | {"why": "x" * 201}, "why a member is held is said in 1 to 200 characters"),
        (ASKED | {"as": "drain"}, "as: drain is not a verdict; write up, down or unknown"),
        (ASKED | {"as": ["up"]}, "as: ['up'] is not a verdict; write up, down or unknown"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_cannot_be_meant_is_one_sentence(body: Any, said: str) -> None:
    asked = world()
    answer = post(asked, body)
    assert (answer.status_code, answer.json()) == (400, {"error": said})
    assert not asked.holds.kept


@pytest.mark.parametrize("pool, member", [("vip", "mta9"), ("mx", "mta1"), ("\x1b", "x" * 300)])
def test_who_is_no_member_cannot_be_held(pool: str, member: str) -> None:
    answer = post(world(), ASKED | {"pool": pool, "member": member})
    assert answer.status_code == 404
    assert answer.json()["error"].startswith("there is no member ")
    assert "\x1b" not in answer.text


@pytest.mark.parametrize("path", ["/api/v1/holds", RELEASE])
def test_nothing_is_held_or_released_unless_that_is_allowed(path: str) -> None:
    asked = world(lifecycle=False)
    answer = post(asked, ASKED if path != RELEASE else {}, path)
    assert (answer.status_code, asked.holds.kept, asked.holds.released_by) == (403, {}, [])
    assert "web.lifecycle: true" in answer.json()["error"]


@pytest.mark.parametrize(
    "headers, status",
    [
        ({"content_type": "text/plain"}, 415),
        ({"content_type": "application/x-www-form-urlencoded"}, 415),
        ({"content_type": "application/json; charset=utf-8"}, 200),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        ({"Sec_Fetch_Site": "same-site"}, 403),
        ({"Sec_Fetch_Site": "same-origin"}, 200),
        ({"Sec_Fetch_Site": "none"}, 200),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
    ids=str,
)
@pytest.mark.parametrize("path", ["/api/v1/holds", RELEASE])
def test_no_page_of_another_site_can_make_a_browser_ask(headers: dict[str, str], status: int, path: str) -> None:
    asked = world()
    asked.holds.kept["vip", "mta1"] = HOLD
    assert post(asked, ASKED if path != RELEASE else {}, path, **headers).status_code == status


@pytest.mark.parametrize("path, method", [("/api/v1/holds", "DELETE"), (RELEASE, "GET"), ("/api/v1/holds", "PUT")])
def test_only_a_post_changes_something(path: str, method: str) -> None:
    assert asyncio.run(world().ask(path, method)).status_code == 405


def test_a_hold_is_released_by_who_asks() -> None:
    asked = world()
    asked.holds.kept["vip", "mta1"] = HOLD
    answer = post(asked, {"by": "bob"}, RELEASE)
    assert (answer.status_code, answer.json()) == (200, {"pool": "vip", "member": "mta1"} | SHOWN)
    assert (asked.holds.kept, asked.holds.released_by) == ({}, ["bob"])


def test_what_is_not_held_cannot_be_released() -> None:
    answer = post(world(), {}, RELEASE)
    assert (answer.status_code, answer.json()) == (404, {"error": "vip/mta1 is under no hold"})


def test_all_holds_are_listed() -> None:
    asked = world(lifecycle=False)
    assert asyncio.run(asked.ask("/api/v1/holds")).json() == {"holds": []}
    asked.holds.kept["vip", "mta1"] = HOLD
    assert asyncio.run(asked.ask("/api/v1/holds")).json() == {"holds": [{"pool": "vip", "member": "mta1"} | SHOWN]}


# Shown everywhere


def test_a_hold_and_a_window_are_shown_with_the_verdict() -> None:
    board = fresh_board()
    window = Window("patching", NOW, NOW + timedelta(hours=2))
    verdict = Verdict(State.UP, HOLD.sentence, NOW, hold=HOLD, maintenance=window)
    board(Judged("vip", "mta1", verdict, None))
    asked = World(board)
    word = {
        "hold": SHOWN,
        "maintenance": {
            "why": "patching",
            "since": "2026-11-21T10:00:00.000000Z",
            "until": "2026-11-21T12:00:00.000000Z",
        },
    }
    health = asyncio.run(asked.ask("/health/vip/mta1")).json()
    [mta1, mta2] = asyncio.run(asked.ask("/api/v1/pools")).json()["pools"][0]["members"]
    page = asyncio.run(asked.ask("/")).text

    assert {key: health[key] for key in word} == {key: mta1[key] for key in word} == word
    assert (mta2["hold"], mta2["maintenance"]) == (None, None)
    assert "held up by hand until 11:00 UTC, by ann: a new disk" in page


# History


def test_changes_of_verdicts_are_told() -> None:
    asked = world()
    first = Change(NOW, "vip", "mta1", None, State.UNKNOWN, Cause.START, "no probe has finished yet")
    held = Change(NOW, "vip", "mta1", State.DOWN, State.UP, Cause.HOLD, "held", ("a1",), by="ann", hold_since=NOW)
    asked.books.found = Changes((held, first), "7")
    answer = asyncio.run(asked.ask("/api/v1/verdicts?pool=vip&member=mta1&limit=2&next=9")).json()

    assert asked.books.asked_changes == [ChangeQuery("vip", "mta1", 2, "9")]
    assert answer["next"] == "7"
    assert [change["from"] for change in answer["changes"]] == ["down", None]
    assert answer["changes"][0] == {
        "at": "2026-11-21T10:00:00.000000Z",
        "pool": "vip",
        "member": "mta1",
        "from": "down",
        "to": "up",
        "cause": "hold",
        "reason": "held",
        "evidence": ["a1"],
        "guarded": False,
        "by": "ann",
    }


@pytest.mark.parametrize("asked_for", ["limit=0", "limit=1001", "outcome=missing", "next=x", "pool=a&pool=b"])
def test_what_cannot_be_asked_of_the_history_is_said(asked_for: str) -> None:
    assert asyncio.run(world().ask(f"/api/v1/verdicts?{asked_for}")).status_code == 400


def test_a_history_that_cannot_be_read_is_said() -> None:
    asked = world()
    asked.books.trouble = "the disk is gone"
    answer = asyncio.run(asked.ask("/api/v1/verdicts"))
    assert (answer.status_code, answer.json()) == (503, {"error": "the disk is gone"})


def test_who_logged_in_is_named_whatever_is_claimed() -> None:
    asked = world()
    asked.guard = Guard(web_file(users=USERS))

    async def place() -> int:
        async with asked.served() as client:
            return (await client.post("/api/v1/holds", json=ASKED | {"by": "eve"}, auth=LOGIN)).status_code

    assert asyncio.run(place()) == 200
    assert asked.holds.kept["vip", "mta1"].by == LOGIN[0]
