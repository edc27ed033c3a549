"""What the probe says of itself."""

import asyncio
from dataclasses import replace

import pytest

from probe.engine.board import Board
from probe.engine.happenings import LedgerFailed, LedgerWorks, MailboxFailed
from probe.model.settings import Web
from tests.metrics.boards import NOW, asking, fresh_board, settings
from tests.web.serving import World


def lifecycle_world(*errors: str) -> World:
    return World(fresh_board(replace(settings(), web=Web(lifecycle=True))), config_errors=errors)


def test_it_is_healthy_though_no_mail_flows() -> None:
    world = World(fresh_board())
    world.board(MailboxFailed("monitor", "connection refused"))
    response = asyncio.run(world.ask("/-/healthy"))
    assert (response.status_code, response.text) == (200, "Healthy\n")


def test_it_is_not_ready_before_every_mailbox_was_tried() -> None:
    response = asyncio.run(World(fresh_board()).ask("/-/ready"))
    assert (response.status_code, response.text) == (503, "Not ready: the mailbox monitor has not been tried yet.\n")


def test_it_is_not_ready_before_the_ledger_was_read_though_there_is_no_mailbox() -> None:
    response = asyncio.run(World(Board(asking(), now=NOW)).ask("/-/ready"))
    assert (response.status_code, response.text) == (503, "Not ready: the ledger has not been read yet.\n")


def test_it_is_ready_when_every_mailbox_was_tried_though_in_vain() -> None:
    world = World(fresh_board())
    world.board(MailboxFailed("monitor", "connection refused"))
    response = asyncio.run(world.ask("/-/ready"))
    assert (response.status_code, response.text) == (200, "Ready\n")


def test_it_is_not_ready_while_the_ledger_does_not_work() -> None:
    world = World()
    world.board(LedgerFailed("the disk is full"))
    response = asyncio.run(world.ask("/-/ready"))
    assert (response.status_code, response.text) == (503, "Not ready: the ledger does not work (the disk is full).\n")
    world.board(LedgerWorks())
    assert asyncio.run(world.ask("/-/ready")).status_code == 200


def test_a_reload_is_refused_unless_it_is_allowed() -> None:
    world = World()
    assert asyncio.run(world.ask("/-/reload", "POST")).status_code == 403
    assert world.reloads == 0


def test_a_reload_loads_the_config_again() -> None:
    world = lifecycle_world()
    assert asyncio.run(world.ask("/-/reload", "POST")).status_code == 200
    assert world.reloads == 1


def test_a_reload_of_a_bad_config_tells_all_that_is_wrong() -> None:
    response = asyncio.run(lifecycle_world("config.yaml:1: a", "config.yaml:2: b").ask("/-/reload", "POST"))
    assert (response.status_code, response.text) == (500, "config.yaml:1: a\nconfig.yaml:2: b\n")


def test_a_reload_is_not_had_by_get() -> None:
    response = asyncio.run(lifecycle_world().ask("/-/reload"))
    assert (response.status_code, response.headers["Allow"]) == (405, "POST")


@pytest.mark.parametrize("site, status", [("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200)])
def test_no_foreign_page_can_make_a_browser_reload(site: str, status: int) -> None:
    response = asyncio.run(lifecycle_world().ask("/-/reload", "POST", Sec_Fetch_Site=site))
    assert response.status_code == status


def test_metrics_are_asked_for_in_the_form_that_is_accepted() -> None:
    response = asyncio.run(World().ask("/metrics", Accept="application/openmetrics-text"))
    assert response.text == "accept application/openmetrics-text\n"
    assert response.headers["Content-Type"] == "text/plain; version=0.0.4"


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/parts",
        "/probes",
        "/probes/x",
        "/assets/page.js",
        "/metrics",
        "/-/healthy",
        "/health/vip/mta2",
        "/api/v1/pools",
        "/api/v1/probes/x",
        "/nothing",
    ],
)
def test_every_answer_carries_the_headers_that_keep_browsers_tame(path: str) -> None:
    headers = asyncio.run(World().ask(path)).headers
    assert headers["Content-Security-Policy"].startswith("default-src 'none';")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert "access-control-allow-origin" not in headers
    assert "server" not in headers


def test_an_error_of_our_own_shows_no_innards(caplog: pytest.LogCaptureFixture) -> None:
    world = World()

    async def broken() -> list[str]:
        raise RuntimeError("/etc/secret")

    world._reload = broken  # type: ignore[method-assign]
    world.board = lifecycle_world().board
    response = asyncio.run(world.ask("/-/reload", "POST"))
    assert (response.status_code, response.text) == (500, "Internal Server Error")
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "/etc/secret" in caplog.text
