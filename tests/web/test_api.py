"""What the API tells of pools and probes."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from probe.engine.happenings import FolderRead, SetbacksChanged, SharedFault
from probe.model.culprit import Blame, Culprit
from probe.model.letter import Folder
from probe.model.outcome import Outcome, Stage
from probe.model.probe import Record
from probe.model.reply import Exchange, Reply
from probe.model.trouble import Quota, Trouble, TroubleKind
from probe.ports import Event, Life, Page, Query
from probe.web.views import life_view, probe_view, why
from tests.metrics.boards import NOW, a_probe, accepted, delivered, fresh_board, greylisted, missing, sending
from tests.web.serving import Books, World

FIELDS = [
    "id",
    "pool",
    "member",
    "route",
    "mailbox",
    "outcome",
    "expected",
    "stage",
    "reason",
    "started",
    "accepted",
    "seen",
    "finished",
    "smtp_seconds",
    "acceptance_seconds",
    "delivery_seconds",
    "stages",
    "reused",
    "code",
    "enhanced_code",
    "attempts",
]


def test_mailboxes_are_listed_with_what_is_wrong_with_them_and_what_lies_in_them() -> None:
    world = World()
    full = Trouble(TroubleKind.OVER_QUOTA, "it is full")
    quota = Quota("MESSAGE", 100, 100)
    world.board(FolderRead("monitor", Folder.INBOX, NOW, 100, backlog=50, since=NOW, troubles=(full,), quota=quota))
    assert asyncio.run(world.ask("/api/v1/mailboxes")).json() == {
        "mailboxes": [
            {
                "name": "monitor",
                "up": True,
                "troubles": [{"kind": "over_quota", "text": "it is full"}],
                "last_read": "2026-11-21T10:00:00.000000Z",
                "messages": 100,
                "backlog": 50,
                "foreign": 0,
                "forged": 0,
                "deletion_refused": False,
                "quota": {"resource": "MESSAGE", "used": 100, "limit": 100},
            }
        ]
    }


def test_pools_are_listed_with_their_members_and_verdicts() -> None:
    response = asyncio.run(World().ask("/api/v1/pools"))
    assert response.json() == {
        "pools": [
            {
                "name": "vip",
                "routes": [{"name": "inbound", "mailbox": "monitor"}],
                "members": [
                    {
                        "name": "mta1",
                        "address": "127.0.0.1:2525",
                        "verdict": "up",
                        "reason": "fine",
                        "since": "2026-11-21T10:00:00.000000Z",
                        "evidence": ["a1"],
                        "evidence_age_seconds": 30.0,
                        "guarded": False,
                        "flapping": False,
                        "last": [last("delivered", "2026-11-21T10:00:02.000000Z", delivery_seconds=1.5)],
                        "hold": None,
                        "maintenance": None,
                        "setbacks": [],
                        "findings": None,
                    },
                    {
                        "name": "mta2",
                        "address": "127.0.0.1:2525",
                        "verdict": "down",
                        "reason": "3 probes in a row missing",
                        "since": "2026-11-21T10:00:00.000000Z",
                        "evidence": ["a2"],
                        "evidence_age_seconds": 30.0,
                        "guarded": False,
                        "flapping": False,
                        "last": [last("missing", "2026-11-21T10:05:00.000000Z")],
                        "hold": None,
                        "maintenance": None,
                        "setbacks": [],
                        "findings": None,
                    },
                ],
                "shared_faults": [],
                "findings": None,
            }
        ]
    }


def last(outcome: str, finished: str, *, delivery_seconds: float | None = None) -> dict[str, object]:
    """What is told of a last probe that delivered, or failed."""
    return {
        "route": "inbound",
        "outcome": outcome,
        "as_expected": outcome == "delivered",
        "finished": finished,
        "delivery_seconds": delivery_seconds,
    }


def test_before_the_first_probe_nothing_is_told_of_a_last_one() -> None:
    [pool] = asyncio.run(World(fresh_board()).ask("/api/v1/pools")).json()["pools"]
    assert pool["members"][0]["evidence_age_seconds"] is None
    assert pool["members"][0]["last"] == [
        {"route": "inbound", "outcome": None, "as_expected": None, "finished": None, "delivery_seconds": None}
    ]


@pytest.mark.parametrize(
    "parameters, members",
    [
        ("", ["mta1", "mta2"]),
        ("?pool=vip", ["mta1", "mta2"]),
        ("?member=mta2", ["mta2"]),
        ("?pool=vip&member=mta1", ["mta1"]),
    ],
)
def test_only_what_is_named_is_told(parameters: str, members: list[str]) -> None:
    [pool] = asyncio.run(World().ask(f"/api/v1/pools{parameters}")).json()["pools"]
    assert [member["name"] for member in pool["members"]] == members


@pytest.mark.parametrize(
    "parameters, status, error",
    [
        ("pool=mx", 404, "there is no such pool or member"),
        ("member=mta9", 404, "there is no such pool or member"),
        ("route=inbound", 400, "'route' is no parameter; there are pool, member"),
    ],
)
def test_pools_that_nobody_knows_are_told_as_such(parameters: str, status: int, error: str) -> None:
    response = asyncio.run(World().ask(f"/api/v1/pools?{parameters}"))
    assert (response.status_code, response.json()) == (status, {"error": error})


@pytest.mark.parametrize("fails", [True, False])
def test_what_is_to_blame_on_a_route_is_told_with_its_pool_until_it_is_over(fails: bool) -> None:
    world = World()

    def told() -> object:
        return asyncio.run(world.ask("/api/v1/pools")).json()["pools"][0]["shared_faults"]

    world.board(SharedFault("vip", "inbound", fails, Blame(Culprit.MAILBOX, "look at it", fails=fails), NOW))
    assert told() == [
        {
            "route": "inbound",
            "kind": "mailbox",
            "text": "look at it",
            "failing": fails,
            "since": "2026-11-21T10:00:00.000000Z",
        }
    ]
    world.board(SharedFault("vip", "inbound", False))
    assert told() == []


def test_what_is_remembered_of_a_member_is_told_with_it() -> None:
    world = World()
    world.board(SetbacksChanged("vip", "mta2", (greylisted(),)))
    mta1, mta2 = asyncio.run(world.ask("/api/v1/pools")).json()["pools"][0]["members"]
    assert mta1["setbacks"] == []
    assert mta2["setbacks"] == [
        {
            "kind": "recipient",
            "sender": "probe@lab.test",
            "recipient": "monitor@lab.test",
            "reason": "rcpt refused: 450 4.2.0 Greylisted <now>",
            "since": "2026-11-21T10:00:00.000000Z",
            "failures": 2,
            "next_try": "2026-11-21T10:02:00.000000Z",
        }
    ]


def test_a_probe_that_only_asked_is_told_without_a_mailbox_and_a_delivery() -> None:
    told = probe_view(accepted("a1"))
    assert list(told) == FIELDS
    assert [told[name] for name in ("mailbox", "outcome", "stage", "accepted", "delivery_seconds")] == [
        None,
        "accepted",
        "rcpt",
        None,
        None,
    ]


def test_a_delivered_probe_is_told_in_full() -> None:
    assert probe_view(delivered("a1")) == {
        "id": "a1",
        "pool": "vip",
        "member": "mta1",
        "route": "inbound",
        "mailbox": "monitor",
        "outcome": "delivered",
        "expected": "delivered",
        "stage": "body",
        "reason": "it was seen in the inbox before the deadline",
        "started": "2026-11-21T10:00:00.000000Z",
        "accepted": "2026-11-21T10:00:00.080000Z",
        "seen": "2026-11-21T10:00:01.500000Z",
        "finished": "2026-11-21T10:00:02.000000Z",
        "smtp_seconds": 0.08,
        "acceptance_seconds": 0.08,
        "delivery_seconds": 1.5,
        "stages": {"connect": 0.005, "body": 0.04},
        "reused": False,
        "code": 250,
        "enhanced_code": "2.0.0",
        "attempts": 1,
    }


def test_a_probe_whose_first_try_goes_on_has_nothing_to_tell_yet() -> None:
    view = probe_view(Record(a_probe("a1")))
    assert list(view) == FIELDS
    assert [name for name in FIELDS if view[name] is None] == [
        "outcome",
        "stage",
        "reason",
        "accepted",
        "seen",
        "finished",
        "smtp_seconds",
        "acceptance_seconds",
        "delivery_seconds",
        "code",
        "enhanced_code",
    ]
    assert (view["stages"], view["attempts"]) == ({}, 0)


@pytest.mark.parametrize(
    "stages, reused",
    [((Stage.MAIL, Stage.BODY), True), ((Stage.CONNECT, Stage.MAIL, Stage.BODY), False), ((Stage.CONNECT,), False)],
)
def test_a_probe_without_a_connect_went_over_a_connection_that_was_kept(
    stages: tuple[Stage, ...], reused: bool
) -> None:
    sent = replace(sending(), stages=dict.fromkeys(stages, timedelta(seconds=1)))
    assert probe_view(Record(a_probe("a1"), attempts=1, sending=sent))["reused"] is reused


def test_a_probe_that_was_sent_and_is_waited_for_has_no_outcome() -> None:
    view = probe_view(Record(a_probe("a1"), attempts=1, sending=sending()))
    assert (view["outcome"], view["stage"], view["reason"]) == (None, "body", "250 2.0.0 queued")


@pytest.mark.parametrize(
    "record, reason",
    [
        (delivered("a"), "it was seen in the inbox before the deadline"),
        (Record(a_probe("a")), "it is in flight: no try to send it has come to an end yet"),
        (
            Record(a_probe("a"), attempts=1, sending=sending()),
            "it is in flight: it may arrive until 2026-11-21T10:05:00.000000Z",
        ),
        (
            Record(a_probe("a"), attempts=1, sending=sending(), next_attempt=NOW + timedelta(seconds=20)),
            "it is in flight: its next try is due at 2026-11-21T10:00:20.000000Z",
        ),
    ],
)
def test_why_says_what_a_probe_came_to_or_waits_for(record: Record, reason: str) -> None:
    assert why(record) == reason


def test_a_life_has_events_transcript_hops_and_folder() -> None:
    # Given
    banner = Exchange(Stage.BANNER, "", Reply(220, ("hello", "there")), timedelta(0), timedelta(milliseconds=3))
    cut_off = Exchange(Stage.EHLO, "EHLO x", None, timedelta(milliseconds=3), timedelta(seconds=30), pipelined=True)
    life = Life(delivered("a1"), [Event(NOW, "started", "it was started")], [[banner], [cut_off]])

    # When
    view = life_view(life)

    # Then
    assert list(view) == [
        *FIELDS,
        "events",
        "transcript",
        "hops",
        "stamped_by_member",
        "authentication",
        "spam_headers",
        "folder",
        "why",
    ]
    assert view["events"] == [{"at": "2026-11-21T10:00:00.000000Z", "kind": "started", "text": "it was started"}]
    assert view["transcript"] == [
        {
            "attempt": 1,
            "stage": "banner",
            "sent": "",
            "reply": {"code": 220, "enhanced_code": None, "lines": ["hello", "there"]},
            "at_seconds": 0.0,
            "took_seconds": 0.003,
            "pipelined": False,
            "reused": False,
        },
        {
            "attempt": 2,
            "stage": "ehlo",
            "sent": "EHLO x",
            "reply": None,
            "at_seconds": 0.003,
            "took_seconds": 30.0,
            "pipelined": True,
            "reused": False,
        },
    ]
    assert view["hops"][-1] == {
        "by": "store.lab.test",
        "from": None,
        "protocol": "LMTP",
        "tls": None,
        "id": None,
        "at": "2026-11-21T10:00:01.000000Z",
        "delay_seconds": 1.0,
        "clock_skew_seconds": None,
        "member": False,
    }
    assert view["stamped_by_member"] is False
    assert view["folder"] == "inbox"


def test_a_life_without_an_arrival_has_no_folder() -> None:
    view = life_view(Life(missing("a2"), [], []))
    assert (view["hops"], view["folder"], view["stamped_by_member"]) == ([], None, None)


def test_the_hop_of_the_member_that_was_dialled_is_marked() -> None:
    banner = Exchange(Stage.BANNER, "", Reply(220, ("mta1.lab.test ESMTP",)), timedelta(0), timedelta(0))
    view = life_view(Life(delivered("a1"), [], [[banner]]))
    assert view["stamped_by_member"] is True
    assert [hop["by"] for hop in view["hops"] if hop["member"]] == ["mta1.lab.test"]


def test_a_probe_is_found_by_its_id() -> None:
    world = World(books=Books(lives={"a1": Life(delivered("a1"), [], [])}))
    response = asyncio.run(world.ask("/api/v1/probes/a1"))
    assert (response.status_code, response.json()["why"]) == (200, "it was seen in the inbox before the deadline")


def test_a_probe_that_does_not_exist_is_answered_404() -> None:
    response = asyncio.run(World().ask("/api/v1/probes/a1"))
    assert (response.status_code, response.json()) == (404, {"error": "there is no such probe"})


def test_probes_come_with_the_cursor_of_the_next_page() -> None:
    world = World(books=Books(page=Page((delivered("a1"), missing("a2")), "next-page")))
    told = asyncio.run(world.ask("/api/v1/probes")).json()
    assert ([probe["id"] for probe in told["probes"]], told["next"]) == (["a1", "a2"], "next-page")


@pytest.mark.parametrize(
    "parameters, asked",
    [
        ("", Query()),
        ("pool=vip&member=mta1&route=inbound", Query(pool="vip", member="mta1", route="inbound")),
        ("pool=&limit=", Query()),
        ("outcome=missing", Query(outcome=Outcome.MISSING)),
        ("limit=1", Query(limit=1)),
        ("limit=1000", Query(limit=1000)),
        ("next=next-page", Query(before="next-page")),
    ],
)
def test_parameters_become_a_question_to_the_ledger(parameters: str, asked: Query) -> None:
    world = World()
    assert asyncio.run(world.ask(f"/api/v1/probes?{parameters}")).status_code == 200
    assert world.books.asked == [asked]


@pytest.mark.parametrize(
    "parameters, error",
    [
        ("limit=0", "limit: '0' is not a number from 1 to 1000"),
        ("limit=1001", "limit: '1001' is not a number from 1 to 1000"),
        ("limit=-1", "limit: '-1' is not a number from 1 to 1000"),
        ("limit=%D9%A3", "limit: '\\u0663' is not a number from 1 to 1000"),
        ("colour=red", "'colour' is no parameter; there are pool, member, route, outcome, limit, next"),
        ("pool=a&pool=b", "a parameter is given twice"),
        ("pool=%00", "a parameter is longer than 255 characters, or holds some that cannot be printed"),
        ("next=nonsense", "that is no cursor"),
    ],
)
def test_a_bad_parameter_is_answered_400_in_a_sentence(parameters: str, error: str) -> None:
    response = asyncio.run(World().ask(f"/api/v1/probes?{parameters}"))
    assert (response.status_code, response.json()) == (400, {"error": error})


def test_a_word_that_is_no_outcome_is_answered_with_those_there_are() -> None:
    response = asyncio.run(World().ask("/api/v1/probes?outcome=lost"))
    assert response.status_code == 400
    assert response.json()["error"].startswith("'lost' is no outcome; there are delivered, junked")


@pytest.mark.parametrize("path", ["/api/v1/probes", "/api/v1/probes/a1"])
def test_a_ledger_that_does_not_work_is_answered_503(path: str) -> None:
    world = World(books=Books(trouble="the disk is full"))
    response = asyncio.run(world.ask(path))
    assert (response.status_code, response.json()) == (503, {"error": "the disk is full"})


def test_the_pools_do_not_need_the_ledger() -> None:
    world = World(books=Books(trouble="the disk is full"))
    assert asyncio.run(world.ask("/api/v1/pools")).status_code == 200


def test_a_stage_that_refused_is_told() -> None:
    refused = replace(sending(), stage=Stage.RCPT, code=550, enhanced_code="5.1.1", reason="550 5.1.1 no such user")
    view = probe_view(Record(a_probe("a"), attempts=1, sending=refused))
    assert (view["stage"], view["code"], view["enhanced_code"]) == ("rcpt", 550, "5.1.1")
