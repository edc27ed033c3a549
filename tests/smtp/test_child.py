"""A member that is a command: SMTP over a socket pair, to a child that never outlives the visit."""

import asyncio
import re
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from probe.model.outcome import Stage
from probe.model.reply import Attempt, Ending
from probe.model.settings import Member, SmtpSettings
from tests.smtp.conftest import Run
from tests.smtp.sending import HASTY, PATIENT, REPLY, send_to

POLITE = """
import sys
def say(text): sys.stdout.write(text + "\\r\\n"); sys.stdout.flush()
say("220 here.test ESMTP")
for line in iter(sys.stdin.readline, ""):
    verb = line.split(" ")[0].strip()
    if verb == "DATA":
        say("354 go on")
        while sys.stdin.readline().strip() != ".": pass
    say("221 bye" if verb == "QUIT" else "250 ok")
    if verb == "QUIT": break
"""
LEAVES_ONE_BEHIND = """
import subprocess, sys
sys.exit(str(subprocess.Popen(["sleep", "60"], stderr=subprocess.DEVNULL).pid))
"""
LESS_PATIENT = replace(PATIENT, timeouts=replace(PATIENT.timeouts, reply=timedelta(seconds=2)))
SLACK = timedelta(seconds=4)
"""What starting a program and taking leave of it may add, on a busy machine."""


def python(script: str) -> tuple[str, ...]:
    return sys.executable, "-c", script


async def send(command: Sequence[str], *, settings: SmtpSettings = PATIENT) -> Attempt:
    return await send_to(Member("local", "here", command=tuple(command)), settings=settings)


@pytest.fixture(autouse=True)
def no_child_is_left() -> Iterator[None]:
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    yield
    assert {child.pid for child in psutil.Process().children(recursive=True)} <= before


def test_a_program_takes_a_message(run: Run) -> None:
    async def story() -> None:
        attempt = await send(python(POLITE))
        assert (attempt.ending, attempt.reason) == (Ending.ACCEPTED, "accepted: 250 ok")
        assert attempt.stages[Stage.CONNECT] > timedelta()

    run(story())


@pytest.mark.parametrize(
    "script, stage, reason",
    [
        ("", Stage.BANNER, r"here (closed|reset) the connection before its greeting"),
        (
            "import sys; sys.exit('no main.cf')",
            Stage.BANNER,
            r"here (closed|reset) .* greeting; it exited with status 1; it said: no main.cf",
        ),
        (
            "import os; os.kill(os.getpid(), 9)",
            Stage.BANNER,
            r"here (closed|reset) the connection before its greeting; signal 9 ended it",
        ),
        ("print('hello?\\r')", Stage.BANNER, r"here speaks no SMTP: hello\?"),
        (
            "print('220 hi\\r', flush=True); input()",
            Stage.EHLO,
            r"here (closed|reset) the connection before its reply.*",
        ),
        (
            "import sys; sys.stderr.write('\\x1b[31m' + 'x' * 100000); sys.exit(3)",
            Stage.BANNER,
            r"here .*; it exited with status 3; it said: \\x1b\[31mx{100,}…",
        ),
    ],
    ids=["ends", "says why", "crashes", "garbage", "ends later", "says too much"],
)
def test_a_program_that_ends_is_unreachable_and_its_last_words_are_told(
    run: Run, script: str, stage: Stage, reason: str
) -> None:
    async def story() -> None:
        attempt = await send(python(script))
        assert (attempt.ending, attempt.stage) == (Ending.UNREACHABLE, stage)
        assert re.fullmatch(reason, attempt.reason), attempt.reason

    run(story())


@pytest.mark.parametrize(
    "script",
    [
        "import time; time.sleep(60)",
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)",
        "import subprocess; subprocess.run(['sleep', '60'])",
        "import sys, time\nwhile True: sys.stderr.write('x' * 100000)",
    ],
    ids=["sleeps", "ignores signals", "has a child", "floods stderr"],
)
def test_a_program_that_hangs_is_killed_with_all_it_started(run: Run, script: str) -> None:
    async def story() -> None:
        began = time.monotonic()
        attempt = await send(python(script), settings=HASTY)
        assert (attempt.ending, attempt.stage) == (Ending.UNREACHABLE, Stage.BANNER)
        assert attempt.reason.startswith("no greeting within 0.2 s")
        assert time.monotonic() - began < (REPLY + SLACK).total_seconds()

    run(story())


def test_a_visit_that_is_cancelled_leaves_no_program(run: Run) -> None:
    async def story() -> None:
        for moment in (0, 0.001, 0.01, 0.1):  # while it is being started, and when it runs
            visit = asyncio.create_task(send(python("import time; time.sleep(60)"), settings=HASTY))
            await asyncio.sleep(moment)
            visit.cancel()
            with pytest.raises(asyncio.CancelledError):
                await visit

    run(story())


def test_what_a_program_left_in_the_background_is_ended(run: Run) -> None:
    async def story() -> None:
        attempt = await send(python(LEAVES_ONE_BEHIND), settings=LESS_PATIENT)
        assert not await lives(int(attempt.reason.rpartition(" ")[2]))

    run(story())


async def lives(pid: int) -> bool:
    """Tell whether a process is still there after a moment: who reaps it is not us."""
    for _ in range(100):
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return False
        await asyncio.sleep(0.02)
    return True


def test_a_program_that_cannot_be_started_is_unreachable(run: Run, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("no program")

    async def story() -> None:
        for program, words in (
            (tmp_path / "nowhere", "No such file or directory"),
            (plain, "Permission denied"),
            (plain / "below", "Not a directory"),
        ):
            attempt = await send([str(program), "-bs"])
            assert (attempt.ending, attempt.stage) == (Ending.UNREACHABLE, Stage.CONNECT)
            assert attempt.reason == f"{program} cannot be started: {words}"

    run(story())


def test_a_probe_without_descriptors_proves_nothing_about_a_program(run: Run) -> None:
    async def story() -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
        try:
            attempt = await send(python(POLITE))
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert (attempt.ending, attempt.stage) == (Ending.NOT_TRIED, Stage.CONNECT)
        assert attempt.reason == f"{sys.executable} cannot be started: Too many open files"

    run(story())


def test_a_program_does_not_get_the_environment_of_the_probe(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILFLOW_PASSWORD", "opensesame")

    async def story() -> None:
        attempt = await send(python("import os, sys; sys.exit(' '.join(sorted(os.environ)))"))
        assert attempt.reason.endswith("it said: LC_ALL PATH")

    run(story())


def test_no_shell_reads_the_arguments(run: Run, tmp_path: Path) -> None:
    async def story() -> None:
        attempt = await send((*python("import sys; sys.exit(sys.argv[1])"), f"$(touch {tmp_path}/made); *"))
        assert attempt.reason.endswith(f"it said: $(touch {tmp_path}/made); *")

    run(story())
    assert list(tmp_path.iterdir()) == []
