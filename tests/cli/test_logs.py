"""Log lines: one event, one line."""

import json
import logging
import shlex
from collections.abc import Callable, Iterator
from datetime import datetime

import pytest

from probe.cli.journal import Journal
from probe.cli.logs import start_logging
from probe.engine.happenings import Ended, FolderRead, Happening, Judged, MailboxFailed, Seen, SharedFault
from probe.model.culprit import Blame, Culprit
from probe.model.findings import Findings
from probe.model.letter import Folder
from probe.model.outcome import Outcome, State
from probe.model.probe import Judgement, Record
from probe.model.trouble import TroubleKind
from probe.model.verdict import Verdict
from probe.ports import Sighted
from tests.cli.conftest import loggers_as_they_were
from tests.model.build import NOW, probe, sighting

log = logging.getLogger("mailflow")


Written = Callable[[], str]


@pytest.fixture
def stderr(capsys: pytest.CaptureFixture[str]) -> Iterator[Written]:
    """What was written to standard error; all loggers are as they were afterwards."""
    with loggers_as_they_were():
        logging.getLogger().handlers = []
        yield lambda: capsys.readouterr().err


def fields(line: str) -> dict[str, str]:
    """Read a logfmt line."""
    return dict(field.split("=", 1) for field in shlex.split(line))


def test_what_a_server_wrote_is_not_logged_by_libraries(stderr: Written) -> None:
    start_logging(form="logfmt", level="info")
    logging.getLogger("imapclient.imapclient").warning("An error occurred while decoding b'from outside'")
    assert stderr() == ""


@pytest.mark.parametrize("form, told", [("json", '"n": 3, "s": 0.25, "yes": true'), ("logfmt", "n=3 s=0.25 yes=true")])
def test_a_number_stays_a_number(stderr: Written, form: str, told: str) -> None:
    start_logging(form=form, level="info")
    log.info("probe ended", extra={"n": 3, "s": 0.25, "yes": True})
    assert told in stderr()


def test_a_line_has_its_time_level_and_message_first(stderr: Written) -> None:
    start_logging(form="logfmt", level="info")
    log.warning("mailbox cannot be read", extra={"mailbox": "monitor"})
    [line] = stderr().splitlines()
    told = fields(line)
    assert list(told) == ["time", "level", "msg", "mailbox"]
    assert (told["level"], told["msg"], told["mailbox"]) == ("warning", "mailbox cannot be read", "monitor")
    assert datetime.fromisoformat(told["time"]).utcoffset() is not None


@pytest.mark.parametrize(
    "value, written",
    [
        ("plain", "plain"),
        ("", '""'),
        ("two words", '"two words"'),
        ("a=b", '"a=b"'),
        ('say "hi"', r'"say \"hi\""'),
        ("ends with \\", r'"ends with \\"'),
        ("größe", "größe"),
        ("line\nforged=1", r'"line\\nforged=1"'),
        ("\x1b[31m", r'"\\x1b[31m"'),
    ],
)
def test_a_value_is_quoted_where_it_must_be(stderr: Written, value: str, written: str) -> None:
    start_logging(form="logfmt", level="info")
    log.info("x", extra={"reason": value, "after": "intact"})
    assert stderr().endswith(f" reason={written} after=intact\n")


@pytest.mark.parametrize("form", ["logfmt", "json"])
def test_what_came_from_outside_can_neither_begin_a_line_nor_make_it_endless(stderr: Written, form: str) -> None:
    start_logging(form=form, level="info")
    log.info("x", extra={"reason": "\r\nlevel=error " + "y" * 10_000})
    written = stderr()
    assert len(written.splitlines()) == 1
    assert len(written) < 400


def test_json_is_an_object_a_line(stderr: Written) -> None:
    start_logging(form="json", level="info")
    log.info("members", extra={"pool": "vip", "note": None})
    told = json.loads(stderr())
    assert list(told) == ["time", "level", "msg", "pool"]


def test_a_fault_is_one_line_with_its_traceback(stderr: Written) -> None:
    start_logging(form="logfmt", level="info")
    try:
        raise ValueError("a fault of ours")
    except ValueError:
        log.exception("a loop broke")
    [line] = stderr().splitlines()
    assert "Traceback" in line
    assert "ValueError: a fault of ours" in line


@pytest.mark.parametrize("level, lines", [("debug", 3), ("info", 2), ("error", 1)])
def test_only_what_is_asked_for_is_logged(stderr: Written, level: str, lines: int) -> None:
    start_logging(form="logfmt", level=level)
    log.debug("a")
    log.info("b")
    log.error("c")
    assert len(stderr().splitlines()) == lines


def verdict(state: State) -> Verdict:
    return Verdict(state, "3 probes in a row missing", NOW)


def test_the_journal_tells_of_a_probe_that_ended(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    Journal()(Ended(Record(probe(), judgement=Judgement(Outcome.MISSING, "it was not there"))))
    [told] = [vars(record) for record in caplog.records]
    assert (told["msg"], told["member"], told["outcome"]) == ("probe ended", "mta1", "missing")


@pytest.mark.parametrize(
    "changes, what, lines",
    [
        (("a hop is new: b",), Sighted.ARRIVAL, 1),
        (("a hop is new: b",), Sighted.DUPLICATE, 0),
        ((), Sighted.ARRIVAL, 0),
    ],
)
def test_the_journal_tells_of_a_path_that_changed(
    caplog: pytest.LogCaptureFixture, changes: tuple[str, ...], what: Sighted, lines: int
) -> None:
    caplog.set_level(logging.INFO)
    Journal()(Seen(Record(probe()), sighting(findings=Findings(changes=changes)), what))
    assert [vars(record)["reason"] for record in caplog.records] == ["a hop is new: b"] * lines


def test_the_journal_tells_of_verdicts_that_changed_only(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    journal = Journal()
    for before, after in ((None, State.UP), (State.UP, State.UP), (State.UP, State.DOWN), (State.DOWN, State.UP)):
        journal(Judged("vip", "mta1", verdict(after), verdict(before) if before else None))
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


def test_the_journal_tells_once_of_a_mailbox_that_fails_and_of_its_return(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    journal = Journal()
    read = FolderRead("monitor", Folder.INBOX, NOW, 0)
    gone, locked = MailboxFailed("monitor", "gone"), MailboxFailed("monitor", "locked", TroubleKind.LOCKED)
    story: list[Happening] = [read, gone, gone, gone, locked, read, read]
    for happening in story:
        journal(happening)
    assert caplog.messages == ["mailbox cannot be read", "mailbox cannot be read", "mailbox is readable again"]


def test_the_journal_tells_what_is_to_blame_for_a_shared_fault(caplog: pytest.LogCaptureFixture) -> None:
    Journal()(SharedFault("vip", "inbound", True, Blame(Culprit.MAILBOX, "look at the mailbox")))
    told = vars(caplog.records[0])
    assert (told["culprit"], told["side"]) == ("mailbox", "look at the mailbox")


@pytest.mark.parametrize("shared, level", [(True, "WARNING"), (False, "INFO")])
def test_the_journal_tells_of_a_shared_fault(caplog: pytest.LogCaptureFixture, shared: bool, level: str) -> None:
    caplog.set_level(logging.INFO)
    Journal()(SharedFault("vip", "inbound", shared))
    assert [record.levelname for record in caplog.records] == [level]
