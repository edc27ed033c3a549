"""Who listens hears what happens, in order; and costs nobody anything."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from probe.engine.happenings import Ended, Judged, MembersKnown, Started
from probe.model.outcome import State
from probe.model.settings import Member
from probe.model.verdict import Verdict
from probe.web import events
from probe.web.events import Events, Listener, Wanted
from probe.web.views import probe_view
from tests.metrics.boards import NOW, a_probe, delivered, missing

UP = Verdict(State.UP, "fine", NOW, ("a1",), NOW)
DOWN = Verdict(State.DOWN, "3 probes in a row missing", NOW, ("a2",), NOW)

Told = tuple[str, str, dict[str, Any]]
"""Id, name and data of an event."""


def told(frames: bytes) -> list[Told]:
    """Read frames as a browser does."""
    blocks = [dict(line.split(": ", 1) for line in block.splitlines()) for block in frames.decode().split("\n\n")[:-1]]
    return [(block["id"], block["event"], json.loads(block["data"])) for block in blocks]


def waiting(listener: Listener) -> list[Told]:
    """Return what a listener would be sent now."""
    return told(asyncio.run(listener.heard(0)) or b"")


def names(listener: Listener) -> list[str]:
    return [name for _, name, _ in waiting(listener)]


def test_a_probe_that_finishes_is_told_as_the_api_lists_it() -> None:
    told_of = Events("run1")
    with told_of.listening(Wanted(), after=None) as listener:
        told_of(Started(a_probe("a1")))
        told_of(Ended(delivered("a1")))
        assert waiting(listener) == [("run1-1", "probe", probe_view(delivered("a1")))]


def test_a_verdict_that_changes_is_told_with_the_one_before() -> None:
    told_of = Events("run1")
    with told_of.listening(Wanted(), after=None) as listener:
        told_of(Judged("vip", "mta2", DOWN, UP))
        ((_, name, verdict),) = waiting(listener)
    assert name == "verdict"
    assert verdict == {
        "pool": "vip",
        "member": "mta2",
        "verdict": "down",
        "reason": "3 probes in a row missing",
        "since": "2026-11-21T10:00:00.000000Z",
        "evidence": ["a2"],
        "guarded": False,
        "flapping": False,
        "hold": None,
        "maintenance": None,
        "before": "up",
    }


@pytest.mark.parametrize(
    "verdict, before, is_told",
    [
        (UP, None, True),
        (UP, UP, False),
        (replace(UP, evidence=("a3",), evidence_at=NOW + timedelta(1)), UP, False),
        (replace(UP, reason="it fails now"), UP, True),
        (replace(UP, guarded=True), UP, True),
    ],
)
def test_a_verdict_of_which_only_the_evidence_is_new_is_not_told(
    verdict: Verdict, before: Verdict | None, is_told: bool
) -> None:
    told_of = Events("run1")
    with told_of.listening(Wanted(), after=None) as listener:
        told_of(Judged("vip", "mta1", verdict, before))
        assert names(listener) == ["verdict"] * is_told


@pytest.mark.parametrize(
    "wanted, heard",
    [
        (Wanted(), ["a1", "a2"]),
        (Wanted("vip"), ["a1", "a2"]),
        (Wanted("vip", "mta2"), ["a2"]),
        (Wanted(member="mta1"), ["a1"]),
        (Wanted("mx"), []),
    ],
)
def test_only_what_is_wanted_is_heard(wanted: Wanted, heard: list[str]) -> None:
    told_of = Events("run1")
    with told_of.listening(wanted, after=None) as listener:
        told_of(Ended(delivered("a1")))
        told_of(Ended(missing("a2")))
        assert [data["id"] for _, _, data in waiting(listener)] == heard


@pytest.mark.parametrize("after, heard", [("run1-0", ["1", "2", "3"]), ("run1-2", ["3"]), ("run1-3", [])])
def test_who_comes_back_hears_what_was_missed(after: str, heard: list[str]) -> None:
    told_of = Events("run1")
    for number in (1, 2, 3):
        told_of(Ended(delivered(f"{number}")))
    with told_of.listening(Wanted(), after=after) as listener:
        assert [data["id"] for _, _, data in waiting(listener)] == heard


@pytest.mark.parametrize("after", ["run0-2", "run1-4", "run1-0", "", "nonsense", "run1-٣", "run1--1", "run1-2\nx: y"])
def test_who_comes_back_with_what_is_not_remembered_has_to_ask_anew(
    after: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "REMEMBERED", 2)
    told_of = Events("run1")
    for number in (1, 2, 3):
        told_of(Ended(delivered(f"{number}")))
    with told_of.listening(Wanted(), after=after) as listener:
        assert waiting(listener) == [("run1-3", "resync", {})]


@pytest.mark.parametrize("behind, heard", [(3, ["probe"] * 3), (4, ["resync"]), (5, ["resync", "probe"])])
def test_who_is_too_far_behind_has_to_ask_anew(behind: int, heard: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "LONGEST_QUEUE", 3)
    told_of = Events("run1")
    with told_of.listening(Wanted(), after=None) as listener:
        for number in range(behind):
            told_of(Ended(delivered(f"{number}")))
        assert names(listener) == heard


def test_other_members_of_a_pool_make_everybody_ask_anew() -> None:
    told_of = Events("run1")
    mta1, mta2 = (Member("vip", name, "127.0.0.1", 2525) for name in ("mta1", "mta2"))
    told_of(MembersKnown("vip", (mta1,)))
    with told_of.listening(Wanted(), after=None) as listener:
        told_of(MembersKnown("vip", (mta1,), "they were looked up again"))
        assert names(listener) == []
        told_of(MembersKnown("vip", (mta1, mta2)))
        assert names(listener) == ["resync"]


def test_who_went_away_costs_nothing() -> None:
    told_of = Events("run1")
    with told_of.listening(Wanted(), after=None) as listener:
        pass
    told_of(Ended(delivered("a1")))
    assert waiting(listener) == []


def test_at_the_end_what_waits_is_still_sent() -> None:
    async def scenario() -> list[bytes | None]:
        told_of = Events("run1")
        with told_of.listening(Wanted(), after=None) as listener:
            told_of(Ended(delivered("a1")))
            told_of.end()
            return [await listener.heard(5), await listener.heard(5)]

    last, end = asyncio.run(scenario())
    assert [name for _, name, _ in told(last or b"")] == ["probe"]
    assert end is None


def test_nothing_from_outside_begins_an_event_of_its_own() -> None:
    told_of = Events("run1")
    reason = "550 no\n\nevent: verdict\ndata: {}\r\ndata: \u2028 \udcff"
    with told_of.listening(Wanted(), after=None) as listener:
        told_of(Judged("vip", "mta1", replace(DOWN, reason=reason), UP))
        assert [data["reason"] for _, _, data in waiting(listener)] == [reason]
