"""The program as a process of its own: what only a process has, signals and its own standard error."""

import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from probe.demo.system import MEMBERS

PATIENCE_SECONDS = 20


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "probe", *map(str, arguments)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_daemon_ends_with_0_within_seconds_of_a_signal(config: Path, number: signal.Signals) -> None:
    # Given
    with subprocess.Popen(command("run", "-c", config), stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr
            told = next(line for line in process.stderr if "msg=members" in line)

            # When
            began = time.monotonic()
            process.send_signal(number)
            _, rest = process.communicate(timeout=PATIENCE_SECONDS)
        finally:
            process.kill()

    # Then
    assert process.returncode == 0
    assert time.monotonic() - began < 8
    assert "Traceback" not in told + rest


def test_the_demo_runs_for_so_many_seconds() -> None:
    _wait_for_the_ports()
    done = subprocess.run(
        command("demo", "--port", "0", "--seconds", "3"),
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "/ shows who delivers and who does not" in done.stdout
    assert "vip/fast" in done.stdout
    assert "delivered" in done.stdout


def test_a_demo_that_cannot_have_its_ports_is_a_sentence() -> None:
    _wait_for_the_ports()
    with socket.create_server(("127.0.0.1", MEMBERS[0].port)):
        done = subprocess.run(
            command("demo", "--seconds", "1"), capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
        )
    assert (done.returncode, done.stdout) == (1, "")
    assert "is another one running?" in done.stderr


def test_an_enquiry_that_is_broken_off_is_no_answer_of_servers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(PATIENCE_SECONDS)
        asking = command("verify", "monitor@[127.0.0.1]", "--port", str(silent.getsockname()[1]))
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        with subprocess.Popen(asking, **pipes, preexec_fn=_hear_interrupts) as process:
            try:
                with silent.accept()[0]:
                    process.send_signal(signal.SIGINT)
                    out, error = process.communicate(timeout=PATIENCE_SECONDS)
            finally:
                process.kill()
    assert (process.returncode, out) == (3, "")
    assert error.splitlines()[-1] == "broken off before every server was asked"
    assert "Traceback" not in error


def _hear_interrupts() -> None:
    # A shell makes what it runs in the background deaf to them, and its children inherit that.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _wait_for_the_ports() -> None:
    """Let another demo on this machine end: its ports are fixed."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < give_up:
        with socket.socket() as probing:
            if probing.connect_ex(("127.0.0.1", MEMBERS[0].port)):
                return
        time.sleep(0.2)


@pytest.mark.parametrize(
    "redirection, says",
    [
        ("<&-", "there is no standard input to read a message from"),
        (">/dev/null 0>&1", "standard input cannot be read: "),
    ],
)
def test_a_standard_input_that_cannot_be_read_is_a_sentence(config: Path, redirection: str, says: str) -> None:
    line = f"{shlex.join(command('explain', '-', '-c', config))} {redirection}"
    done = subprocess.run(line, shell=True, stderr=subprocess.PIPE, text=True, timeout=PATIENCE_SECONDS, check=False)
    assert done.returncode == 3
    assert done.stderr.startswith(says)
    assert len(done.stderr.splitlines()) == 1


def test_answers_come_first_once_the_program_has_started() -> None:
    told = subprocess.run(
        [
            sys.executable,
            "-c",
            "import gc, sys; from probe.cli.run import let_answers_come_first; let_answers_come_first();"
            "print(gc.get_freeze_count() > 10_000, sys.getswitchinterval())",
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert told.stdout == "True 0.0005\n"
