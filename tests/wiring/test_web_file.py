"""Watching the web config: what is good is taken up, what is bad is told once."""

import asyncio
import logging
from pathlib import Path

import pytest
import trustme
import yaml

from probe.config import load_web_file
from probe.model.settings import WebFile
from probe.net.clock import SystemClock
from probe.wiring.web_file import WebFileWatch

AUTHORITY = trustme.CA()


class Watched:
    """A web config in a folder, and what was taken up of it."""

    def __init__(self, home: Path) -> None:
        self.path = home / "web.yml"
        self.used: list[WebFile] = []
        self.certify("old.test")
        self.write({"tls_server_config": {"cert_file": "server.pem", "key_file": "server.key"}})
        self.watch = WebFileWatch(self.used.append, SystemClock())
        self.first = load_web_file(self.path)
        self.watch.follow(self.first)

    def certify(self, name: str) -> None:
        issued = AUTHORITY.issue_cert(name)
        (self.path.parent / "server.pem").write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        issued.private_key_pem.write_to_path(str(self.path.parent / "server.key"))
        (self.path.parent / "server.key").chmod(0o600)

    def write(self, content: object) -> None:
        self.path.write_text(yaml.safe_dump(content))

    def look(self, times: int = 1) -> None:
        for _ in range(times):
            asyncio.run(self.watch.look())


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.__dict__["reason"] for record in caplog.records if record.levelno == logging.ERROR]


def test_what_has_not_changed_is_not_taken_up(watched: Watched) -> None:
    watched.look(times=3)
    assert watched.used == []


def test_a_new_certificate_is_taken_up_once(watched: Watched) -> None:
    watched.look()
    watched.certify("new.test")
    watched.look(times=3)
    [used] = watched.used
    assert used.tls != watched.first.tls
    assert used == load_web_file(watched.path)


def test_one_that_was_renewed_before_the_first_look_is_not_missed(watched: Watched) -> None:
    watched.certify("new.test")
    watched.look()
    assert len(watched.used) == 1


def test_what_is_bad_is_told_once_and_changes_nothing(watched: Watched, caplog: pytest.LogCaptureFixture) -> None:
    (watched.path.parent / "server.pem").write_text("half of a certif")
    watched.look(times=3)
    assert watched.used == []
    [reason] = told(caplog)
    assert "tls_server_config.cert_file" in reason


def test_a_file_that_comes_later_is_found(watched: Watched, caplog: pytest.LogCaptureFixture) -> None:
    # Given: it names a file that is not there, and has not changed since
    watched.write({"tls_server_config": {"cert_file": "later.pem", "key_file": "server.key"}})
    watched.look(times=2)
    assert len(told(caplog)) == 1

    # When
    (watched.path.parent / "later.pem").write_bytes((watched.path.parent / "server.pem").read_bytes())
    watched.look(times=2)

    # Then
    assert [used.files[1].name for used in watched.used] == ["later.pem"]


def test_a_file_that_has_gone_is_told_and_the_old_one_goes_on(
    watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    watched.path.unlink()
    watched.look(times=2)
    assert watched.used == []
    assert len(told(caplog)) == 1


def test_nothing_is_read_where_there_is_none(watched: Watched) -> None:
    watched.watch.follow(None)
    watched.path.unlink()
    watched.look()
    assert watched.used == []
