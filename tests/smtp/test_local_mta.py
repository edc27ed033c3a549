"""The local MTA: Postfix's `sendmail -bs`, whose mail goes through its queue like everybody's, and Exim's `-bs`."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from probe.model.outcome import Stage
from probe.model.reply import Attempt, Ending
from probe.model.settings import Member
from tests.lab import MONITOR, SENDER, LabError, Laboratory
from tests.lab.addresses import DOMAIN
from tests.lab.exim import PROGRAM, Exim, exim_alone
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


@pytest.fixture(scope="module")
def exim() -> Iterator[Exim]:
    try:
        with exim_alone() as server:
            yield server
    except LabError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.mark.parametrize(
    "recipient, ending, stage",
    [
        (MONITOR, Ending.ACCEPTED, Stage.BODY),
        (f"refuse@{DOMAIN}", Ending.REFUSED, Stage.RCPT),
        (f"refuse-now@{DOMAIN}", Ending.REFUSED_FOR_NOW, Stage.RCPT),
        (f"refuse-body@{DOMAIN}", Ending.REFUSED, Stage.BODY),
    ],
)
def test_exim_answers_as_over_the_network(run: Run, exim: Exim, recipient: str, ending: Ending, stage: Stage) -> None:
    async def story() -> None:
        member = Member("local", "here", command=(str(PROGRAM), "-C", str(exim.config), "-bs"))
        attempt = await send_to(member, envelope=replace(ENVELOPE, sender=SENDER, recipient=recipient))
        assert (attempt.ending, attempt.stage) == (ending, stage), attempt.reason

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
