"""Having one's say on the command line: hold, release and history."""

import asyncio
import getpass
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from probe.ledger import open_ledger
from probe.model.history import Cause, Change
from probe.model.outcome import State
from probe.model.settings import Listen, Web
from tests.cli.conftest import in_a_thread, mailflow
from tests.metrics.boards import lively_board, settings
from tests.web.serving import World

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ME = getpass.getuser()
HOLD = ("hold", "vip/refusing", "--for", "1h", "--why", "a new disk")


def note(config: Path, *changes: Change) -> None:
    """Let the daemon have noted something."""

    async def written() -> None:
        async with open_ledger(f"sqlite:///{config.parent}/ledger.db", instance="probe-a") as ledger:
            for change in changes:
                await ledger.note_change(change)

    asyncio.run(written())


def a_change(after: State, *, before: State | None = None, pool: str = "vip", reason: str = "so it is") -> Change:
    return Change(NOW, pool, "refusing", before, after, Cause.EVIDENCE, reason)


# In the ledger


def test_a_member_is_held_as_it_is_now_listed_and_released(config: Path) -> None:
    note(config, a_change(State.UP), a_change(State.DOWN, before=State.UP))

    held = mailflow(*HOLD, "-c", config, "--json")
    listed = mailflow("hold", "-c", config, "--json")
    released = mailflow("release", "vip/refusing", "-c", config)
    empty = mailflow("hold", "-c", config)

    hold = json.loads(held.stdout)
    assert {key: hold[key] for key in ("pool", "member", "state", "why", "by")} == {
        "pool": "vip",
        "member": "refusing",
        "state": "down",
        "why": "a new disk",
        "by": ME,
    }
    lasts = datetime.fromisoformat(hold["until"]) - datetime.fromisoformat(hold["since"])
    assert lasts == timedelta(hours=1)
    assert json.loads(listed.stdout) == {"holds": [hold]}
    assert (released.exit_code, released.stdout) == (0, "vip/refusing is released\n")
    assert (empty.exit_code, empty.stdout) == (0, "nothing is held\n")


def test_of_whom_nothing_is_known_is_held_as_unknown_and_anybody_as_what_is_said(config: Path) -> None:
    assert mailflow(*HOLD, "-c", config).stdout.startswith("vip/refusing is held unknown until ")
    assert mailflow(*HOLD, "--as", "up", "-c", config).stdout.endswith(f" UTC, by {ME}: a new disk\n")
    listed = mailflow("hold", "-c", config).stdout.splitlines()
    assert [line.split()[:2] for line in listed] == [["member", "held"], ["vip/refusing", "up"]]


def test_a_member_that_was_discovered_is_known_by_what_was_told_of_it(config: Path) -> None:
    written = config.read_text()
    config.write_text(written.replace("vip:\n    members:", "vip:\n    discover: {host: smtp.lab.test}\n    _:"))
    head, _, rest = config.read_text().partition("    _:\n")
    config.write_text(head + "\n".join(line for line in rest.splitlines() if not line.startswith("      ")) + "\n")
    unknown = mailflow(*HOLD, "-c", config)
    note(config, a_change(State.UP))
    assert (unknown.exit_code, mailflow(*HOLD, "-c", config).exit_code) == (3, 0)
    assert unknown.stderr == "there is no member vip/refusing; members are: none that is known yet\n"


@pytest.mark.parametrize(
    "arguments, code, said",
    [
        (("hold", "vip/refusing", "--for", "1h"), 2, "say for how long and why: --for 1h --why 'replacing its disk'"),
        (("hold", "vip/refusing", "--why", "x"), 2, "say for how long and why: --for 1h --why 'replacing its disk'"),
        (("hold", "--for", "1h", "--why", "x"), 2, "name the member to hold, as POOL/MEMBER"),
        ((*HOLD[:3], "31d", *HOLD[4:]), 2, "a hold lasts more than no time, and 30 days at most"),
        ((*HOLD[:3], "0s", *HOLD[4:]), 2, "a hold lasts more than no time, and 30 days at most"),
        ((*HOLD[:5], "x" * 201), 2, "why a member is held is said in 1 to 200 characters"),
        ((*HOLD[:5], " "), 2, "why a member is held is said in 1 to 200 characters"),
        (
            ("hold", "vip/nobody", *HOLD[2:]),
            3,
            "there is no member vip/nobody; members are: junking, refusing",
        ),
        (("hold", "\x1b/x", *HOLD[2:]), 3, "there is no pool \\x1b; pools are: locked, vip"),
        (("release", "vip/refusing"), 3, "vip/refusing is under no hold"),
        (("history", "mx"), 3, "there is no pool mx; pools are: locked, vip"),
        (("history", "vip/\x1b"), 3, "of vip/\\x1b nothing is known"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, tuple) else "",
)
def test_what_cannot_be_done_is_one_sentence(config: Path, arguments: tuple[str, ...], code: int, said: str) -> None:
    done = mailflow(*arguments, "-c", config)
    assert (done.exit_code, done.stdout, done.stderr) == (code, "", f"{said}\n")


@pytest.mark.parametrize(
    "arguments, said",
    [
        (("hold", "vip"), "vip names no member; write POOL/MEMBER"),
        ((*HOLD, "--as", "drain"), "'drain' is not one of 'up', 'down', 'unknown'"),
        ((*HOLD[:3], "soon", *HOLD[4:]), '"soon" is not a duration; write 90s or 5m'),
        (("hold", "--url", "ftp://127.0.0.1"), "is not a URL; write http://127.0.0.1:9847"),
        (("hold", "--url", "http://u:p@127.0.0.1"), "use --username and --password-env"),
        (("hold", "--url", "http://127.0.0.1", "--password-env", "NOWHERE_SET"), "'NOWHERE_SET', which is to hold"),
        (("release",), "Missing argument"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, tuple) else "",
)
def test_a_wrong_call_is_told_by_2(arguments: tuple[str, ...], said: str) -> None:
    done = mailflow(*arguments)
    assert done.exit_code == 2
    assert said in done.stderr


@pytest.mark.parametrize("where", [(), ("-c", "config.yaml", "--url", "http://127.0.0.1:1")], ids=["nowhere", "twice"])
def test_it_has_to_be_said_where_holds_are_kept(where: tuple[str, ...]) -> None:
    done = mailflow("hold", *where)
    assert done.exit_code == 2
    assert done.stderr == "say where: -c FILE for the ledger that the config names, or --url URL for a daemon\n"


# By a daemon


@pytest.fixture
def world() -> World:
    board = lively_board()
    board.settings = replace(settings(), web=Web(listen=Listen("127.0.0.1", 0), lifecycle=True))
    return World(board)


@pytest.fixture
def url(world: World) -> Iterator[str]:
    """A daemon that is asked over HTTP."""
    served: list[str] = []

    class Served:
        async def __aenter__(self) -> None:
            self._context = world.served()
            client = await self._context.__aenter__()
            served.append(str(client.base_url))

        async def __aexit__(self, *error: Any) -> None:
            await self._context.__aexit__(None, None, None)

    with in_a_thread(Served()):
        yield served[0]


def test_a_daemon_holds_lists_and_releases(world: World, url: str) -> None:
    held = mailflow("hold", "vip/mta2", "--for", "90s", "--why", "a new disk", "--url", url, "--json")
    assert json.loads(held.stdout)["state"] == "down"
    assert world.holds.kept["vip", "mta2"].by == ME
    assert mailflow("hold", "--url", url).stdout.splitlines()[1].startswith("vip/mta2  down")
    assert mailflow("release", "vip/mta2", "--url", url).exit_code == 0
    assert world.holds.released_by == [ME]


def test_what_a_daemon_refuses_is_said_in_its_words(world: World, url: str) -> None:
    unknown = mailflow("hold", "vip/x", "--for", "1h", "--why", "y", "--url", url)
    none = mailflow("release", "vip/mta2", "--url", url)
    long = mailflow("hold", "vip/mta2", "--for", "31d", "--why", "y", "--url", url)
    world.board.settings = replace(world.board.settings, web=Web())
    off = mailflow("hold", "vip/mta2", "--for", "1h", "--why", "y", "--url", url)

    assert (unknown.exit_code, unknown.stderr) == (3, "there is no member x in a pool vip\n")
    assert (none.exit_code, none.stderr) == (3, "vip/mta2 is under no hold\n")
    assert (long.exit_code, long.stderr) == (2, "a hold lasts more than no time, and 30 days at most\n")
    assert (off.exit_code, off.stderr) == (
        2,
        "This is switched off; web.lifecycle: true in the config allows it.\n",
    )


def test_what_is_no_daemon_of_ours_is_said(url: str) -> None:
    done = mailflow("hold", "--url", f"{url}/elsewhere/")
    assert (done.exit_code, done.stdout) == (3, "")
    assert done.stderr == f"{url}/elsewhere/ answered 404 in place of what was asked\n"


def test_nobody_there_is_said() -> None:
    done = mailflow("hold", "--url", "http://127.0.0.1:1")
    assert (done.exit_code, done.stdout) == (3, "")
    assert done.stderr.startswith("http://127.0.0.1:1 cannot be asked: ")


# History


def test_the_history_is_a_table_newest_first(config: Path) -> None:
    note(config, a_change(State.UNKNOWN), a_change(State.DOWN, before=State.UNKNOWN, reason="550 \x1b[31mno"))
    told = mailflow("history", "vip/refusing", "-c", config)
    assert told.exit_code == 0
    assert told.stdout == (
        "at                       member        from     to       cause     why\n"
        "2026-03-01 12:00:00 UTC  vip/refusing  unknown  down     evidence  550 \\x1b[31mno\n"
        "2026-03-01 12:00:00 UTC  vip/refusing  -        unknown  evidence  so it is\n"
    )


def test_the_history_is_told_as_json_of_a_pool_and_no_more_than_wanted(config: Path) -> None:
    note(config, a_change(State.UP, pool="locked"), a_change(State.UP), a_change(State.DOWN, before=State.UP))
    assert len(json.loads(mailflow("history", "-c", config, "--json").stdout)["changes"]) == 3
    [newest] = json.loads(mailflow("history", "vip", "--limit", "1", "-c", config, "--json").stdout)["changes"]
    assert (newest["from"], newest["to"], newest["pool"]) == ("up", "down", "vip")


def test_where_nothing_has_changed_the_history_says_so(config: Path) -> None:
    assert mailflow("history", "-c", config).stdout == "no verdict has changed yet\n"


def test_a_ledger_that_cannot_be_opened_is_said(config: Path, tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_bytes(b"no database" * 1000)
    for command in (HOLD, ("hold",), ("release", "vip/refusing"), ("history",)):
        done = mailflow(*command, "-c", config)
        assert (done.exit_code, done.stdout) == (3, "")
        assert "file is not a database" in done.stderr
