"""The life of a probe by its Message-ID, or by a message that is pasted."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from probe.demo.system import MailSystem
from tests.cli.conftest import mailflow


@pytest.fixture
def probe(config: Path) -> dict[str, Any]:
    """A probe that was delivered, and whose message is still there."""
    config.write_text(config.read_text().replace("    imap:", "    keep: 1h\n    imap:"))
    [probe] = json.loads(mailflow("once", "-c", config, "--member", "good", "--json").stdout)["probes"]
    assert isinstance(probe, dict)
    return probe


@pytest.fixture
def message(system: MailSystem, probe: dict[str, Any]) -> bytes:
    """What lies in the mailbox of the probe."""
    [found] = [each.raw for each in system.account.inbox.messages if probe["id"].encode() in each.header]
    return found


def test_a_message_id_leads_to_its_probe(config: Path, probe: dict[str, Any]) -> None:
    told = mailflow("explain", f"<{probe['id'].upper()}@demo.test>", "-c", config, "--json")
    assert (told.exit_code, json.loads(told.stdout)["id"]) == (0, probe["id"])


def test_a_message_id_that_was_rewritten_is_looked_up_in_nothing(config: Path) -> None:
    told = mailflow("explain", "<4711\x1b[31m@gateway.example.org>", "-c", config)
    assert (told.exit_code, told.stdout) == (3, "")
    assert told.stderr == (
        "<4711\\x1b[31m@gateway.example.org> is no Message-ID of ours: it was rewritten, or is that of other mail\n"
    )


def test_a_pasted_message_tells_the_life_of_its_probe(config: Path, probe: dict[str, Any], message: bytes) -> None:
    told = mailflow("explain", "-", "-c", config, pasted=message)
    assert told.exit_code == 0
    assert (
        told.stderr
        == f"this is a message of the probe {probe['id']}: its tag is signed by our key, for this instance\n"
    )
    assert told.stdout.startswith(f"{probe['id']}  delivered")


def test_a_pasted_header_tells_the_same_as_json(config: Path, probe: dict[str, Any], message: bytes) -> None:
    told = mailflow("explain", "-", "-c", config, "--json", pasted=message.partition(b"\r\n\r\n")[0])
    assert (told.exit_code, json.loads(told.stdout)["id"]) == (0, probe["id"])


def test_a_pasted_message_that_no_ledger_knows_is_a_sentence(config: Path, message: bytes, tmp_path: Path) -> None:
    # Given another ledger, with the key of the first
    (tmp_path / "key").write_bytes(_key_of(tmp_path / "ledger.db"))
    (tmp_path / "key").chmod(0o600)
    keys = "tag_keys: [{id: ledger, file: key}]\n"
    config.write_text(config.read_text().replace("ledger.db", "other.db") + keys)

    # When
    told = mailflow("explain", "-", "-c", config, pasted=message)

    # Then
    assert (told.exit_code, told.stdout) == (3, "")
    assert told.stderr.strip().endswith(f"for this instance; it is unknown to sqlite:///{tmp_path}/other.db")


def _key_of(ledger: Path) -> bytes:
    with closing(sqlite3.connect(ledger)) as connection:
        [[secret]] = connection.execute("SELECT secret FROM keys WHERE name = 'tag'").fetchall()
    assert isinstance(secret, bytes)
    return secret


@pytest.mark.parametrize("pasted", [b"", b"hello", b"Mailflow-Probe: " + b"MFRGGZDF" * 8, b"\xff\x00\n" * 500_000])
def test_a_pasted_message_that_is_not_ours_is_a_sentence(config: Path, pasted: bytes) -> None:
    told = mailflow("explain", "-", "-c", config, pasted=pasted)
    assert (told.exit_code, told.stdout, len(told.stderr.splitlines())) == (3, "", 1)


@given(st.text(min_size=1, max_size=60).filter(lambda text: not text.startswith("-")), st.binary(max_size=200))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_asked_or_pasted_is_a_sentence(config: Path, asked: str, pasted: bytes) -> None:
    for told in (mailflow("explain", asked, "-c", config), mailflow("explain", "-", "-c", config, pasted=pasted)):
        assert (told.exit_code, told.stdout, len(told.stderr.splitlines())) == (3, "", 1)
