"""Every outcome on its real cause: one program, many routes, each with its own fate."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.patience import eventually
from tests.e2e.program import Program
from tests.e2e.quick import only, quick_config
from tests.lab import DOMAIN, Laboratory, Stage
from tests.lab.postfix_config import SPAM_STATUS

pytestmark = pytest.mark.lab

ENDS_WITHIN_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Fate:
    """What a route does, and how its probes must end."""

    outcome: str
    to: str = "monitor"
    pool: str = "vip"
    stage: str = "body"
    """The one that decided, and what was answered there."""
    code: int | None = 250
    expect: str = "delivered"
    reason: str = ""
    """What is said about it, among other things."""
    settings: dict[str, Any] = field(default_factory=dict)
    """What else stands in the config of its route."""


FATES = {
    "delivered": Fate("delivered", reason="inbox"),
    "junked": Fate(
        "junked",
        to="junk",
        reason=f"in the junk folder before the deadline; its header says X-Spam-Status: {SPAM_STATUS}",
    ),
    "dropped": Fate("missing", to="discard", reason="not in the mailbox"),
    "refused-at-rcpt": Fate("rejected", to="refuse", stage="rcpt", code=550, reason="Not here"),
    "refused-at-body": Fate("rejected", to="refuse-body", stage="body", code=550, reason="Not this"),
    "refused-at-banner": Fate("rejected", pool="refusing", stage="banner", code=550, reason="Refused for good"),
    "deferred-at-rcpt": Fate("deferred", to="refuse-now", stage="rcpt", code=450, reason="Not now"),
    "deferred-at-body": Fate("deferred", to="refuse-body-now", stage="body", code=451, reason="Not this, for now"),
    "nobody-listens": Fate("unreachable", pool="stopped", stage="connect", code=None, reason="refused"),
    "nobody-speaks": Fate("unreachable", pool="frozen", stage="banner", code=None, reason="2 s"),
    "refusal-expected": Fate("rejected", to="refuse", stage="rcpt", code=550, expect="rejected"),
    "deferral-expected": Fate("deferred", to="refuse-now", stage="rcpt", code=450, expect="deferred"),
    "junk-expected": Fate("junked", to="junk", expect="junked"),
    "loss-expected": Fate("missing", to="discard", expect="missing"),
    "sent-back": Fate("bounced", to="bounce", reason="bounced by mta1.lab.test: 5.1.1 No such user here"),
    "bounce-expected": Fate("bounced", to="bounce", expect="bounced"),
    "damaged": Fate("altered", to="damage", reason='1 octet of line 6 differs: "done." became "d?ne."'),
    "cut-off": Fate("altered", to="cut", reason="it was cut off after 99 of "),
    "extended": Fate("altered", to="footer", reason='2 lines were added below: "-- This message was looked at'),
    "extended-as-allowed": Fate("delivered", to="footer", settings={"footer": "allowed"}),
    "encoded": Fate("delivered", to="encode"),
    "authenticated": Fate("delivered", to="encode", settings={"authserv_id": "gateway.lab.test"}),
    "quoted": Fate("delivered", to="quote"),
    "forbidden-way": Fate(
        "misrouted",
        settings={"path": {"never": ["^mta1"]}},
        reason='it went through mta1.lab.test, which path.never "^mta1" forbids',
    ),
    "asked-for-way": Fate("delivered", settings={"path": {"through": ["^MTA1", "."], "never": ["mta[2-4]"]}}),
    "twice": Fate("delivered", to="twice"),
    "late": Fate("missing", to="delay"),
}
LATE_DEADLINE = "1s"


@pytest.fixture(scope="module")
def program(laboratory: Laboratory, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    laboratory.reset()
    laboratory.member("mta2").refuse(stage=Stage.BANNER)
    laboratory.member("mta3").stop()
    laboratory.member("mta4").freeze()
    home = tmp_path_factory.mktemp("outcomes")
    with Program(_config(laboratory, home), home) as program:
        yield program


def _config(lab: Laboratory, home: Path) -> dict[str, Any]:
    config = quick_config(lab, home)
    smtp, inbound = config["pools"]["vip"]["smtp"] | {"verify": False}, config["routes"]["inbound"]
    pools = {"vip": "mta1", "refusing": "mta2", "stopped": "mta3", "frozen": "mta4"}
    config["pools"] = {pool: {"members": only(lab, member), "smtp": smtp} for pool, member in pools.items()}
    config["routes"] = {name: inbound | _route(fate) for name, fate in FATES.items()}
    config["routes"]["late"]["deadline"] = LATE_DEADLINE
    return config


def _route(fate: Fate) -> dict[str, Any]:
    return {"pool": fate.pool, "to": f"{fate.to}@{DOMAIN}", "expect": fate.expect, **fate.settings}


def ended(program: Program, route: str) -> dict[str, Any]:
    """Return the first probe of a route that has ended."""
    probes = eventually(
        lambda: [probe for probe in program.probes(route=route) if probe["outcome"]],
        within_seconds=ENDS_WITHIN_SECONDS,
        what=f"a probe of {route} to end",
    )
    return probes[-1]


@pytest.mark.parametrize("route", FATES)
def test_a_probe_ends_as_its_message_did(program: Program, route: str) -> None:
    fate = FATES[route]
    probe = ended(program, route)

    assert (probe["outcome"], probe["stage"], probe["code"]) == (fate.outcome, fate.stage, fate.code), probe["reason"]
    assert fate.reason in probe["reason"]


@pytest.mark.parametrize("route", FATES)
def test_a_probe_succeeds_when_it_ends_as_expected(program: Program, route: str) -> None:
    ended(program, route)
    as_expected = FATES[route].outcome == FATES[route].expect
    metrics = program.metrics()

    assert metrics.total("mailflow_probe_success", route=route) == as_expected
    assert (metrics.total("mailflow_probe_failures_total", route=route) == 0) == as_expected


@pytest.mark.parametrize("route", FATES)
def test_no_probe_of_a_route_ends_in_another_way(program: Program, route: str) -> None:
    ended(program, route)

    # What a busy machine holds up is nobody's fault, and unknown.
    assert set(program.metrics().outcomes(route=route)) - {"unknown"} == {FATES[route].outcome}


def test_a_late_arrival_is_counted_once_and_changes_no_outcome(program: Program) -> None:
    first = ended(program, "late")
    arrived = eventually(
        lambda: [life for life in [program.life(first["id"])] if life["seen"]],
        within_seconds=ENDS_WITHIN_SECONDS,
        what="the message to arrive after all",
    )[0]

    assert (arrived["outcome"], arrived["folder"]) == ("missing", "inbox")
    assert [event["kind"] for event in arrived["events"]].count("late") == 1
    assert program.metrics().total("mailflow_late_arrivals_total", route="late") >= 1
    assert program.metrics().outcomes(route="late").keys() == {"missing"}


def test_a_second_copy_is_a_duplicate(program: Program) -> None:
    ended(program, "twice")
    metrics = eventually(
        lambda: [m for m in [program.metrics()] if m.total("mailflow_duplicates_total", route="twice")],
        within_seconds=ENDS_WITHIN_SECONDS,
        what="the second copy",
    )[0]

    assert metrics.total("mailflow_duplicates_total") == metrics.total("mailflow_duplicates_total", route="twice")


def test_authentication_is_told_where_the_route_trusts_who_tells_it(program: Program) -> None:
    told = {
        route: program.life(ended(program, route)["id"])["authentication"] for route in ("authenticated", "encoded")
    }

    assert told == {"authenticated": {"spf": "pass", "dkim": "none"}, "encoded": {}}
    assert program.metrics().total("mailflow_authentication_pass", route="authenticated", method="spf") == 1
    assert program.metrics().series("mailflow_authentication_pass", route="encoded") == []


def test_every_stage_that_was_reached_has_its_time(program: Program) -> None:
    assert list(ended(program, "delivered")["stages"]) == [
        *("connect", "banner", "ehlo", "starttls", "mail", "rcpt", "data", "body", "quit")
    ]
    assert "body" not in ended(program, "refused-at-rcpt")["stages"]


def test_the_books_balance_while_all_that_happens(program: Program) -> None:
    for route in FATES:
        ended(program, route)

    assert program.metrics().unbalanced() == []


def test_a_junked_probe_tells_what_the_spam_filter_wrote(program: Program) -> None:
    life = program.life(ended(program, "junked")["id"])

    assert life["folder"] == "junk"
    assert life["spam_headers"] == [f"X-Spam-Status: {SPAM_STATUS}"]
    told = [event["text"] for event in life["events"] if event["kind"] == "spam filter"]
    assert told == life["spam_headers"]
