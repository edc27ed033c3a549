"""The whole program in one process: started, reloaded, stopped."""

import asyncio
import os
import signal
import socket
import sqlite3
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from probe.engine.happenings import Ended
from probe.model.outcome import Outcome
from probe.ports import LedgerTrouble
from probe.wiring.generation import Generation
from probe.wiring.listeners import CannotListen
from tests.wiring.site import Running, mail_system, run, running

RELOADED = "mailflow_config_last_reload_successful"


async def down(site: Running) -> bool:
    return await site.health("discarding") == 503


async def delivered(site: Running) -> bool:
    return any(each.record.succeeded for each in site.told if isinstance(each, Ended))


def test_a_member_that_discards_is_taken_out_while_the_others_stay(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with mail_system() as system, running(system, tmp_path) as site:
            assert [await site.health(name) for name in system.members] == [200, 200, 200]
            await site.until(lambda: down(site))
            assert [await site.health(name) for name in system.members] == [200, 200, 503]
            assert (await site.get("/health/vip")).status_code == 200
            assert (await site.get("/-/ready")).status_code == 200
            ended = {
                each.record.judgement.outcome for each in site.told if isinstance(each, Ended) and each.record.judgement
            }
            # On a busy machine a mailbox may be read too late to tell.
            assert ended - {Outcome.UNKNOWN} == {Outcome.DELIVERED, Outcome.MISSING}

    run(scenario)


def test_what_was_probed_can_be_looked_up(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with mail_system() as system, running(system, tmp_path) as site:
            await site.until(lambda: delivered(site))
            [newest, *_] = (await site.get("/api/v1/probes?outcome=delivered")).json()["probes"]
            life = (await site.get(f"/api/v1/probes/{newest['id']}")).json()
            assert (life["outcome"], life["folder"]) == ("delivered", "inbox")

    run(scenario)


@pytest.mark.parametrize("how", ["post", "signal"])
def test_a_good_config_is_taken_up(tmp_path: Path, how: str) -> None:
    async def scenario() -> None:
        async with mail_system() as system, running(system, tmp_path) as site:
            before = await site.metric("mailflow_config_last_reload_success_timestamp_seconds") or 0
            members = site.config["pools"]["vip"]["members"]
            site.write(pools={"vip": {"members": members}, "second": {"members": {"good": members["good"]}}})
            await _reload(site, how)
            await site.until(lambda: _answers(site, "/health/second/good"))
            await site.until(lambda: _after(site, before))
            assert await site.metric(RELOADED) == 1

    run(scenario)


async def _reload(site: Running, how: str) -> None:
    if how == "post":
        assert (await site.client.post("/-/reload", timeout=10)).status_code == 200
    else:
        os.kill(os.getpid(), signal.SIGHUP)


async def _answers(site: Running, path: str) -> bool:
    return (await site.get(path)).status_code == 200


async def _after(site: Running, before: float) -> bool:
    return (await site.metric("mailflow_config_last_reload_success_timestamp_seconds") or 0) > before


def test_a_bad_config_is_refused_and_the_old_one_goes_on(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with mail_system() as system, running(system, tmp_path) as site:
            site.write(routes={"inbound": {"pool": "nothing"}}, nonsense=1)
            answer = await site.client.post("/-/reload")
            assert answer.status_code == 500
            assert "nonsense" in answer.text
            assert "routes.inbound.pool" in answer.text
            assert await site.metric(RELOADED) == 0
            ended = len(site.told)
            await site.until(lambda: _more(site, ended))
            assert await site.health("good") == 200

    run(scenario)


async def _more(site: Running, than: int) -> bool:
    return any(isinstance(each, Ended) for each in site.told[than:])


def test_a_config_that_is_repaired_is_taken_up_after_a_bad_one(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with mail_system() as system, running(system, tmp_path) as site:
            good = site.file.read_text()
            site.file.write_text("instance: [")
            assert (await site.client.post("/-/reload")).status_code == 500
            site.file.write_text(good)
            assert (await site.client.post("/-/reload", timeout=10)).status_code == 200
            assert await site.metric(RELOADED) == 1

    run(scenario)


def test_a_member_that_stays_is_answered_the_same_all_through_a_reload(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with mail_system() as system, running(system, tmp_path) as site:
            await site.until(lambda: down(site))
            answers: set[tuple[str, int]] = set()
            for _ in range(3):
                reload = asyncio.create_task(site.client.post("/-/reload", timeout=10))
                while not reload.done():
                    answers |= {(name, await site.health(name)) for name in ("good", "discarding")}
                assert reload.result().status_code == 200
            answers |= {(name, await site.health(name)) for name in ("good", "discarding")}
            assert answers == {("good", 200), ("discarding", 503)}

    run(scenario, seconds=30)


def test_a_stream_of_events_goes_on_through_a_reload(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with (
            mail_system() as system,
            running(system, tmp_path) as site,
            site.client.stream("GET", "/api/v1/events") as stream,
        ):
            lines = stream.aiter_lines()
            await _heard(lines, "event: probe")
            assert (await site.client.post("/-/reload", timeout=10)).status_code == 200
            await _heard(lines, "event: resync")
            await _heard(lines, "event: probe")

    run(scenario, seconds=30)


def test_nobody_who_listens_keeps_the_program_from_ending(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        async with mail_system() as system, running(system, tmp_path) as site:
            async with site.client.stream("GET", "/api/v1/events") as stream:
                lines = stream.aiter_lines()
                await _heard(lines, "event: probe")
                site.daemon.stop()
                async for _ in lines:
                    pass
            await asyncio.wait({site.task})

    run(scenario, seconds=30)
    # It ended by itself: uvicorn did not have to cut it off.
    assert [record.getMessage() for record in caplog.records if record.name.startswith("uvicorn")] == []


async def _heard(lines: AsyncIterator[str], wanted: str) -> None:
    async for line in lines:
        if line == wanted:
            return
    raise AssertionError(f"the stream ended before {wanted}")


def test_a_reload_moves_to_another_port(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with mail_system() as system, running(system, tmp_path) as site:
            with socket.create_server(("127.0.0.1", 0)) as free:
                port = free.getsockname()[1]
            site.write(web={"listen": f"127.0.0.1:{port}", "lifecycle": True})
            assert (await site.client.post("/-/reload", timeout=10)).status_code == 200
            assert site.daemon.port == port

    run(scenario)


def test_a_reload_onto_a_port_that_is_taken_is_refused_and_the_old_one_goes_on(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with mail_system() as system, running(system, tmp_path) as site:
            before = site.daemon.port
            site.write(web={"listen": f"127.0.0.1:{system.imap.port}", "lifecycle": True})
            answer = await site.client.post("/-/reload", timeout=10)
            assert answer.status_code == 500
            assert f"cannot listen on 127.0.0.1:{system.imap.port}" in answer.text
            assert site.daemon.port == before
            assert await site.health("good") == 200

    run(scenario)


def test_a_reload_onto_a_ledger_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with mail_system() as system, running(system, tmp_path) as site:
            site.write(state=f"sqlite:///{tmp_path}/nowhere/ledger.db")
            answer = await site.client.post("/-/reload", timeout=10)
            assert (answer.status_code, "nowhere" in answer.text) == (500, True)
            ended = len(site.told)
            await site.until(lambda: _more(site, ended))

    run(scenario)


def test_a_reload_that_breaks_when_the_old_one_has_ended_ends_the_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def breaks(_: Generation) -> None:
        raise RuntimeError("it broke")

    async def scenario() -> None:
        async with mail_system() as system, running(system, tmp_path) as site:
            monkeypatch.setattr(Generation, "start", breaks)
            assert await site.daemon.reload() == ["it broke"]
            with pytest.raises(RuntimeError, match="it broke"):
                await site.task

    run(scenario)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_within_seconds(tmp_path: Path, number: signal.Signals) -> None:
    async def scenario() -> None:
        async with mail_system() as system, running(system, tmp_path) as site:
            await site.until(lambda: delivered(site))
            began = time.monotonic()
            os.kill(os.getpid(), number)
            await site.task
            assert time.monotonic() - began < 5

    run(scenario)


def test_after_its_end_the_next_one_goes_on_with_the_same_numbers(tmp_path: Path) -> None:
    sample = 'mailflow_probes_started_total{member="good",pool="vip",route="inbound"}'

    async def scenario() -> None:
        async with mail_system() as system:
            async with running(system, tmp_path) as site:
                await site.until(lambda: site.metric(sample))
                counted = await site.metric(sample)
            async with running(system, tmp_path) as site:
                again = await site.metric(sample)
            assert counted
            assert again
            assert again >= counted

    run(scenario)


def test_a_stop_during_a_reload_leaves_nothing_behind(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with mail_system() as system:
            others = asyncio.all_tasks()
            async with running(system, tmp_path) as site:
                reload = asyncio.create_task(site.daemon.reload())
                await asyncio.sleep(0.05)
                site.daemon.stop()
                await site.task
                await reload
            await asyncio.sleep(0.1)
            assert {
                task for task in asyncio.all_tasks() - others if "Engine" in repr(task) or "ledger" in repr(task)
            } == set()

    run(scenario)


def test_a_ledger_of_a_newer_program_is_refused(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with mail_system() as system:
            async with running(system, tmp_path):
                pass
            with sqlite3.connect(tmp_path / "ledger.db") as connection:
                connection.execute("UPDATE schema_version SET version = version + 1")
            connection.close()
            with pytest.raises(LedgerTrouble, match="use the newer program"):
                async with running(system, tmp_path):
                    pass

    run(scenario)


def test_a_ledger_that_cannot_be_opened_is_no_start(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with mail_system() as system:
            with pytest.raises(LedgerTrouble, match="nowhere"):
                async with running(system, tmp_path, state=f"sqlite:///{tmp_path}/nowhere/ledger.db"):
                    pass

    run(scenario)


@pytest.mark.parametrize("section", ["web", "agent"])
def test_a_port_that_is_taken_is_no_start(tmp_path: Path, section: str) -> None:
    async def scenario() -> None:
        async with mail_system() as system:
            taken = {"listen": f"127.0.0.1:{system.imap.port}"}
            with pytest.raises(CannotListen, match=f"cannot listen on 127.0.0.1:{system.imap.port}: .* in use"):
                async with running(system, tmp_path, **{section: taken}):
                    pass

    run(scenario)
