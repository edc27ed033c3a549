"""What Prometheus gets when it asks for the targets, and for a check of one of them."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from probe.model.outcome import Outcome, Stage
from probe.model.reply import Ending, Exchange, Reply
from probe.model.secret import Secret
from probe.model.settings import Login, Settings, SmtpSettings
from tests.metrics.boards import attempt, fresh_board, settings
from tests.web.serving import World

TARGET = "/probe?target=vip/mta1"


def world_of(*routes: tuple[str, Outcome], **changes: object) -> World:
    """A world whose pool has these routes."""
    asked = settings()
    made = {name: replace(asked.routes["inbound"], name=name, expect=expect) for name, expect in routes}
    return World(fresh_board(replace(asked, routes=made, **changes)))  # type: ignore[arg-type]


def with_login() -> Settings:
    asked = settings()
    smtp = SmtpSettings(login=Login("probe", Secret("hidden")))
    return replace(asked, pools={"vip": replace(asked.pools["vip"], smtp=smtp)})


def test_a_member_is_checked_on_its_route() -> None:
    world = World()
    response = asyncio.run(world.ask(TARGET))
    assert (response.status_code, response.text) == (200, "outcome accepted\n")
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    [(path, _)] = world.checked
    assert path.key == ("vip", "mta1", "inbound")


@pytest.mark.parametrize(
    "header, seconds",
    [("10", 9.5), ("1.5", 1.0), ("1", 0.5), ("0.4", 0.2), ("1e9", 119.5), ("", 119.5)],
)
def test_an_answer_comes_before_prometheus_gives_up(header: str, seconds: float) -> None:
    world = World()
    asyncio.run(world.ask(TARGET, X_Prometheus_Scrape_Timeout_Seconds=header))
    [(_, within)] = world.checked
    assert within == timedelta(seconds=seconds)


@pytest.mark.parametrize("header", ["soon", "0", "-1", "nan", "inf"])
def test_a_time_out_that_is_none_is_answered_400(header: str) -> None:
    world = World()
    response = asyncio.run(world.ask(TARGET, X_Prometheus_Scrape_Timeout_Seconds=header))
    assert (response.status_code, world.checked) == (400, [])
    assert response.text == "X-Prometheus-Scrape-Timeout-Seconds is not a number of seconds.\n"


@pytest.mark.parametrize(
    "parameters, said",
    [
        ("", "Target parameter is missing; write target=POOL/MEMBER."),
        ("target=", "Target parameter is missing; write target=POOL/MEMBER."),
        ("target=vip/mta9", "Unknown target; /sd lists those there are."),
        ("target=other/mta1", "Unknown target; /sd lists those there are."),
        ("target=vip", "Unknown target; /sd lists those there are."),
        ("target=192.0.2.1:25", "Unknown target; /sd lists those there are."),
        ("target=vip/mta1&target=vip/mta2", "a parameter is given twice"),
        ("target=vip/mta1&module=smtp", "'module' is no parameter; there are target, route, debug"),
        ("target=vip/mta1&route=other", "No such route leads to vip; there are: inbound."),
    ],
)
def test_nothing_is_dialled_that_is_not_configured(parameters: str, said: str) -> None:
    world = World()
    response = asyncio.run(world.ask(f"/probe?{parameters}"))
    assert (response.status_code, response.text, world.checked) == (400, f"{said}\n", [])


def test_a_pool_without_a_route_cannot_be_checked_and_is_no_target() -> None:
    world = world_of()
    assert asyncio.run(world.ask(TARGET)).text == "No such route leads to vip; there are: none.\n"
    assert asyncio.run(world.ask("/sd")).json() == []


@pytest.mark.parametrize(
    "parameters, route", [("", "second"), ("&route=first", "first"), ("&route=third", "third"), ("&route=", "second")]
)
def test_of_several_routes_the_first_that_wants_mail_to_be_taken_is_the_usual_one(parameters: str, route: str) -> None:
    world = world_of(("first", Outcome.REJECTED), ("second", Outcome.DELIVERED), ("third", Outcome.DELIVERED))
    asyncio.run(world.ask(f"{TARGET}{parameters}"))
    [(path, _)] = world.checked
    assert path.route.name == route


def test_where_no_route_wants_mail_to_be_taken_the_first_one_is_the_usual_one() -> None:
    world = world_of(("first", Outcome.REJECTED), ("second", Outcome.BOUNCED))
    asyncio.run(world.ask(TARGET))
    [(path, _)] = world.checked
    assert path.route.name == "first"


def test_a_check_without_a_turn_proves_nothing_and_is_a_scrape_that_fails() -> None:
    response = asyncio.run(World(no_turn="others left no turn").ask(TARGET))
    assert (response.status_code, response.text) == (503, "It was not asked: others left no turn.\n")


def test_our_own_trouble_proves_nothing_and_is_a_scrape_that_fails() -> None:
    failed = replace(attempt(), ending=Ending.NOT_TRIED, reason="there is no token\nto log in with")
    response = asyncio.run(World(answer=failed).ask(TARGET))
    assert (response.status_code, response.text) == (503, "Nobody can tell: there is no token\\nto log in with\n")


def test_a_member_that_refuses_is_a_good_scrape() -> None:
    refused = replace(attempt(), ending=Ending.REFUSED, stage=Stage.BANNER)
    response = asyncio.run(World(answer=refused).ask(TARGET))
    assert (response.status_code, response.text) == (200, "outcome rejected\n")


def test_for_debugging_the_dialogue_is_told_without_secrets_and_in_one_line_each() -> None:
    # Given
    second = timedelta(seconds=1)
    said = (
        Exchange(Stage.BANNER, "", Reply(220, ("mta1 <b>\x1b[2J",)), timedelta(0), second),
        Exchange(Stage.MAIL, "MAIL FROM:<a@b>", Reply(250, ("ok", "really"), "2.1.0"), second, second),
        Exchange(Stage.RCPT, "RCPT TO:<c@d>", None, 2 * second, second),
    )
    unreachable = replace(attempt(), ending=Ending.UNREACHABLE, reason="it did not answer", transcript=said)
    world = World(fresh_board(with_login()), answer=unreachable)

    # When
    response = asyncio.run(world.ask(f"{TARGET}&debug=true"))

    # Then
    assert (response.status_code, response.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    logs, metrics, configuration = response.text.split("\n\n\n")
    assert logs.splitlines() == [
        "Logs for the probe:",
        "   0.000 s  banner    S: 220 mta1 <b>\\x1b[2J",
        "   1.000 s  mail      C: MAIL FROM:<a@b>",
        "   1.000 s  mail      S: 250 2.1.0 ok",
        "   1.000 s  mail      S: 250 2.1.0 really",
        "   2.000 s  rcpt      C: RCPT TO:<c@d>",
        "   2.000 s  rcpt      S: no reply",
        "unreachable: it did not answer",
    ]
    assert metrics == "Metrics that would have been returned:\noutcome unreachable"
    assert "smtp.login: Login(username='probe', password=***)" in configuration
    assert "hidden" not in response.text


def test_every_member_is_a_target_with_all_that_its_scrape_needs() -> None:
    response = asyncio.run(World().ask("/sd"))
    assert response.headers["content-type"] == "application/json"
    assert response.json() == [
        {
            "targets": [f"vip/{name}"],
            "labels": {
                "__metrics_path__": "/probe",
                "__param_target": f"vip/{name}",
                "pool": "vip",
                "member": name,
            },
        }
        for name in ("mta1", "mta2")
    ]
