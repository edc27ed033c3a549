"""A program that stood still, stopped by a signal or starved of the processor, must not blame a server for it."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

import pytest

from probe.model.reply import Ending
from probe.smtp.standstill import Standstill
from tests.smtp.sending import HASTY, send


@contextmanager
def greeting_after(seconds: float) -> Iterator[int]:
    """Run a server in a thread of its own, which goes on while the program stands still."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError), listener.accept()[0] as connection:
                time.sleep(seconds)
                connection.sendall(b"220 mx.test ESMTP\r\n")
                connection.recv(100)

        server = threading.Thread(target=serve)
        server.start()
        yield listener.getsockname()[1]
        server.join()


@pytest.mark.parametrize(
    "still_seconds, ending", [(0.8, Ending.NOT_TRIED), (0.3, Ending.UNREACHABLE)], ids=["long", "hardly"]
)
def test_a_time_out_that_came_while_the_program_stood_still_is_its_own(still_seconds: float, ending: Ending) -> None:
    async def stand_still_in_the_middle(port: int) -> Ending:
        asyncio.get_running_loop().call_later(0.05, time.sleep, still_seconds)
        attempt = await send(port, settings=HASTY)
        assert ("stood still" in attempt.reason) is (attempt.ending is Ending.NOT_TRIED)
        return attempt.ending

    with greeting_after(0.1) as port:
        assert asyncio.run(stand_still_in_the_middle(port)) is ending


def test_time_that_everybody_waits_is_not_standing_still() -> None:
    async def wait() -> timedelta:
        with Standstill().noticed() as stood_still:
            await asyncio.sleep(0.6)
            return stood_still()

    assert asyncio.run(wait()) < timedelta(seconds=0.2)


def test_only_what_happens_within_the_block_is_told() -> None:
    async def stand_still_before() -> timedelta:
        standstill = Standstill()
        with standstill.noticed():
            time.sleep(0.6)  # noqa: ASYNC251 - it is what standing still means
            with standstill.noticed() as stood_still:
                await asyncio.sleep(0)
                return stood_still()

    assert asyncio.run(stand_still_before()) < timedelta(seconds=0.2)
