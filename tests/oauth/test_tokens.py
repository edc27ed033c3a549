"""Keeping tokens: asked for once, renewed early, and never out of reach of who may still use them."""

import asyncio
import stat
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

import pytest

from probe.model.secret import Secret
from probe.net.clock import SystemClock
from probe.oauth import TokenSource
from probe.oauth.tokens import EARLY, PAUSE
from probe.ports import TokenTrouble
from tests.oauth.endpoint import Answer, TokenEndpoint, endpoint, granted

HOUR = timedelta(hours=1)
MOMENT = timedelta(seconds=2)
"""More than the clock takes for a correction."""
REFUSED: Answer = (400, {"error": "invalid_grant"})


class SetClock(SystemClock):
    """Stands still until it is set on."""

    def __init__(self) -> None:
        self._now = datetime(2030, 1, 1, tzinfo=UTC)
        super().__init__(lambda: self._now, lambda: 0.0)

    def pass_by(self, length: timedelta) -> None:
        self._now += length
        self.stepped()


def until(true: Callable[[], bool]) -> None:
    """Wait for what another thread is about to do."""
    end = time.monotonic() + 10
    while not true() and time.monotonic() < end:
        time.sleep(0.005)
    assert true()


def test_a_token_is_asked_for_once() -> None:
    with endpoint(granted("one"), granted("two")) as server:
        source, grant = TokenSource(SetClock()), server.grant()
        assert [source.token(grant) for _ in range(3)] == [Secret("one")] * 3
        assert len(server.forms) == 1


def test_who_asks_at_the_same_time_shares_one_answer() -> None:
    def slow(client: BinaryIO, over: threading.Event) -> None:
        all_ask.wait(10)
        body = b'{"access_token": "one", "token_type": "bearer"}'
        client.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    async def both(source: TokenSource) -> list[Secret]:
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(2) as threads:
            asking = [loop.run_in_executor(threads, source.token, grant) for _ in range(2)]
            asking += [asyncio.ensure_future(source.fetched(grant)) for _ in range(2)]
            await asyncio.sleep(0)
            all_ask.set()
            return await asyncio.gather(*asking)

    all_ask = threading.Event()
    with endpoint(slow) as server:
        grant = server.grant()
        assert asyncio.run(both(TokenSource(SystemClock()))) == [Secret("one")] * 4
        assert len(server.forms) == 1


def test_different_grants_have_different_tokens() -> None:
    with endpoint(granted("one"), granted("two")) as server:
        source = TokenSource(SetClock())
        assert source.token(server.grant(scope="a")) == Secret("one")
        assert source.token(server.grant(scope="b")) == Secret("two")


@pytest.mark.parametrize("age, asked", [(HOUR - EARLY - MOMENT, 1), (HOUR - EARLY, 2)])
def test_a_token_is_renewed_early_while_the_old_one_is_used(age: timedelta, asked: int) -> None:
    clock = SetClock()
    with endpoint(granted("one"), granted("two")) as server:
        source, grant = TokenSource(clock), server.grant()
        source.token(grant)
        clock.pass_by(age)
        assert source.token(grant) == Secret("one")
        until(lambda: len(server.forms) == asked)


def test_the_renewed_token_takes_the_place_of_the_old_one() -> None:
    clock = SetClock()
    with endpoint(granted("one"), granted("two")) as server:
        source, grant = TokenSource(clock), server.grant()
        source.token(grant)
        clock.pass_by(HOUR - EARLY)
        until(lambda: source.token(grant) == Secret("two"))
        assert source.expiry(grant) == clock.now() + HOUR


@pytest.mark.parametrize("age, token", [(timedelta(seconds=28), "one"), (timedelta(seconds=60), "two")])
def test_a_short_life_is_halved(age: timedelta, token: str) -> None:
    clock = SetClock()
    with endpoint(granted("one", expires_in=60), granted("two")) as server:
        source, grant = TokenSource(clock), server.grant()
        source.token(grant)
        clock.pass_by(age)
        assert source.token(grant) == Secret(token)


def test_a_renewal_that_fails_leaves_the_old_token_until_it_expires() -> None:
    clock = SetClock()
    with endpoint(granted("one"), REFUSED) as server:
        source, grant = TokenSource(clock), server.grant()
        source.token(grant)
        clock.pass_by(HOUR - MOMENT)
        source.token(grant)
        until(lambda: len(server.forms) == 2)
        assert source.token(grant) == Secret("one")
        clock.pass_by(MOMENT)
        with pytest.raises(TokenTrouble, match="invalid_grant"):
            source.token(grant)


@pytest.mark.parametrize("pause, asked", [(PAUSE - MOMENT, 1), (PAUSE, 2)])
def test_an_endpoint_that_failed_is_left_alone_for_a_while(pause: timedelta, asked: int) -> None:
    clock = SetClock()
    with endpoint(REFUSED) as server:
        source, grant = TokenSource(clock), server.grant()
        for passed in (timedelta(0), pause):
            clock.pass_by(passed)
            with pytest.raises(TokenTrouble, match="invalid_grant"):
                source.token(grant)
        assert len(server.forms) == asked


@pytest.mark.parametrize("age, token", [(PAUSE - MOMENT, "one"), (PAUSE, "two")])
def test_a_token_that_a_server_refused_is_fetched_anew_but_not_again_and_again(age: timedelta, token: str) -> None:
    clock = SetClock()
    with endpoint(granted("one"), granted("two")) as server:
        source, grant = TokenSource(clock), server.grant()
        source.token(grant)
        clock.pass_by(age)
        source.refused(grant)
        assert source.token(grant) == Secret(token)


def test_nobody_waits_for_ever() -> None:
    with endpoint(lambda client, over: (over.wait(), None)[1]) as server:
        source, grant = TokenSource(SystemClock(), patience_seconds=0.2), server.grant()
        with pytest.raises(TokenTrouble, match="did not answer in time"):
            source.token(grant)
        with pytest.raises(TokenTrouble, match="did not answer in time"):
            asyncio.run(source.fetched(grant))


def test_before_the_first_token_there_is_no_expiry() -> None:
    with endpoint() as server:
        assert TokenSource(SetClock()).expiry(server.grant()) is None


def renew_twice(server: TokenEndpoint, file: Path | None) -> None:
    clock = SetClock()
    source, grant = TokenSource(clock), server.grant(refresh="r1", file=file)
    source.token(grant)
    clock.pass_by(HOUR)
    source.token(grant)
    assert [form["refresh_token"] for form in server.forms] == ["r1", "r2"]


def test_a_refresh_token_that_was_exchanged_is_used_from_then_on() -> None:
    with endpoint(granted(refresh_token="r2")) as server:
        renew_twice(server, None)


def test_a_refresh_token_that_was_exchanged_is_kept_for_its_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "refresh"
    file.write_text("r1\n")
    with endpoint(granted(refresh_token="r2")) as server:
        renew_twice(server, file)
    assert file.read_text() == "r2\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_a_refresh_token_that_cannot_be_kept_is_used_all_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with endpoint(granted(refresh_token="r2")) as server:
        renew_twice(server, tmp_path / "no-folder" / "refresh")
    assert "a new refresh token cannot be kept" in caplog.text


def test_a_refresh_token_that_another_process_exchanged_is_taken_from_its_file(tmp_path: Path) -> None:
    clock, file = SetClock(), tmp_path / "refresh"
    file.write_text("r1\n")
    with endpoint() as server:
        source, grant = TokenSource(clock), server.grant(refresh="r1", file=file)
        source.token(grant)
        file.write_text("r2\n")
        clock.pass_by(HOUR)
        source.token(grant)
        assert [form["refresh_token"] for form in server.forms] == ["r1", "r2"]


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\n", b"two\nlines\n", None])
def test_a_file_without_a_token_is_passed_over(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "refresh"
    if content is not None:
        file.write_bytes(content)
    with endpoint() as server:
        TokenSource(SetClock()).token(server.grant(refresh="r1", file=file))
        assert server.forms[0]["refresh_token"] == "r1"


def test_what_could_not_be_kept_is_not_replaced_by_what_stands_there_still(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "refresh").mkdir()  # a folder in place of the file: it can be neither read nor replaced
    with endpoint(granted(refresh_token="r2")) as server:
        renew_twice(server, folder / "refresh")
    assert [path.name for path in folder.iterdir()] == ["refresh"], "nothing is left behind"


def test_a_link_in_place_of_the_file_is_not_followed(tmp_path: Path) -> None:
    other, file = tmp_path / "other", tmp_path / "refresh"
    other.write_text("r1\n")
    file.symlink_to(other)
    with endpoint(granted(refresh_token="r2")) as server:
        renew_twice(server, file)
    assert (other.read_text(), file.read_text(), file.is_symlink()) == ("r1\n", "r2\n", False)


def test_no_secret_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with endpoint((400, {"error": "bad r1-secret"})) as server, pytest.raises(TokenTrouble):
        TokenSource(SetClock()).token(server.grant(refresh="r1-secret"))
    assert "r1-secret" not in repr([vars(record) for record in caplog.records])
