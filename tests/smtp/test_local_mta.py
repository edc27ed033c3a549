"""The local MTA: Postfix's own `sendmail -bs`, whose mail goes through its queue like everybody's."""

import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from probe.model.outcome import Stage
from probe.model.reply import Attempt, Ending
from probe.model.settings import Member
from tests.lab import MONITOR, SENDER, Laboratory
from tests.smtp.conftest import Run
from tests.smtp.sending import ENVELOPE, send_to

pytestmark = pytest.mark.lab


async def submit(lab: Laboratory, *, member: str) -> Attempt:
    command = ("/usr/sbin/sendmail", "-C", str(lab.path / member), "-bs")
    return await send_to(
        Member("local", "here", command=command), envelope=replace(ENVELOPE, sender=SENDER, recipient=MONITOR)
    )


def test_the_local_mta_takes_a_message_and_delivers_it(run: Run, lab: Laboratory) -> None:
    async def story() -> None:
        attempt = await submit(lab, member="mta1")
        assert attempt.ending is Ending.ACCEPTED, attempt.reason
        assert [exchange.stage for exchange in attempt.transcript][-1] is Stage.QUIT

    run(story())
    assert becomes_true(lambda: arrived(lab) == 1)


def test_a_local_mta_without_a_config_says_so(run: Run, lab: Laboratory) -> None:
    async def story() -> None:
        attempt = await submit(lab, member="nowhere")
        assert (attempt.ending, attempt.stage) == (Ending.UNREACHABLE, Stage.BANNER)
        assert "it said: " in attempt.reason
        assert "main.cf: No such file or directory" in attempt.reason

    run(story())


def arrived(lab: Laboratory) -> int:
    with lab.imap() as client:
        return int(client.select_folder("INBOX", readonly=True)[b"EXISTS"])


def becomes_true(question: Callable[[], bool]) -> bool:
    give_up = time.monotonic() + 15
    while time.monotonic() < give_up:
        if question():
            return True
        time.sleep(0.05)
    return False
