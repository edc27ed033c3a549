"""Retries on real servers: a message that is greylisted gets through, and a dead member is left in peace."""

import re
from typing import Any

import pytest
from imapclient import IMAPClient

from tests.e2e.conftest import Launch
from tests.e2e.patience import eventually
from tests.e2e.program import Program, mailflow
from tests.lab import Laboratory
from tests.lab.greylist import Greylist

pytestmark = pytest.mark.lab

GREYLISTED_SECONDS = 8
PATIENT = {"attempts": 5, "first": "3s", "longest": "15m"}


def setbacks(program: Program, member: str = "mta1") -> list[dict[str, Any]]:
    [pool] = program.get("/api/v1/pools").json()["pools"]
    [found] = [each["setbacks"] for each in pool["members"] if each["name"] == member]
    return list(found)


def deferred(program: Program) -> list[dict[str, Any]]:
    return [probe for probe in program.probes(member="mta1") if probe["attempts"] and probe["outcome"] is None]


def ended(program: Program, probe: dict[str, Any], *, within_seconds: float) -> dict[str, Any]:
    lives = eventually(
        lambda: [life for life in [program.life(probe["id"])] if life["outcome"]],
        within_seconds=within_seconds,
        what="a probe to end",
    )
    return lives[0]


def envelope_ids(life: dict[str, Any]) -> list[str]:
    """Return the ENVID of each attempt; it is the probe's tag."""
    return [tag for step in life["transcript"] for tag in re.findall(r"^MAIL FROM:.* ENVID=(\w+)", step["sent"])]


def copies(client: IMAPClient, probe_id: str) -> list[bytes]:
    """Return the tags of all messages of a probe that lie in the inbox."""
    client.select_folder("INBOX", readonly=True)
    numbers = client.search(["HEADER", "Message-ID", f"<{probe_id}@"])
    field = b"BODY[HEADER.FIELDS (MAILFLOW-PROBE)]"
    return [message[field] for message in client.fetch(numbers, ["BODY.PEEK[HEADER.FIELDS (MAILFLOW-PROBE)]"]).values()]


def test_a_greylisted_message_gets_through_though_the_program_is_killed_between_its_attempts(
    lab: Laboratory, launch: Launch
) -> None:
    # Given a member that greylists, and a probe that it has put off
    with Greylist(lab.hub, seconds=GREYLISTED_SECONDS) as greylist:
        for name in ("mta1", "mta2", "mta3", "mta4"):
            lab.member(name).greylist(greylist.endpoint)
        kept = {"mailboxes": {"monitor": {"keep": "1h"}}}
        program = launch(routes={"inbound": {"deadline": "60s", "interval": "15s", "retry": PATIENT}}, **kept)
        first = eventually(lambda: deferred(program), within_seconds=25, what="a probe to be put off")[-1]
        assert (first["code"], first["stage"], first["accepted"]) == (450, "rcpt", None)
        [setback] = setbacks(program)
        assert (setback["kind"], setback["recipient"]) == ("recipient", "monitor@lab.test")
        assert "Greylisted" in setback["reason"]

        # When the program is killed, and started again
        program.kill()
        program.start()
        remembered = setbacks(program)
        life = ended(program, first, within_seconds=50)

        # Then the very same message got through, once
        assert remembered[0]["kind"] == "recipient"
        assert life["outcome"] == "delivered"
        assert 2 <= life["attempts"] <= 5
        assert life["acceptance_seconds"] >= GREYLISTED_SECONDS - 1
        assert f"; accepted at attempt {life['attempts']}, {life['acceptance_seconds']:.1f} s after" in life["reason"]
        tags = envelope_ids(life)
        assert len(tags) == life["attempts"]
        assert len(set(tags)) == 1
        with lab.imap() as client:
            [tag] = copies(client, first["id"])
        assert tags[0].encode() in tag
        metrics = program.metrics()
        assert metrics.unbalanced() == []
        assert metrics.outcomes(member="mta1").keys() == {"delivered"}
        assert metrics.total("mailflow_duplicates_total") == 0
        assert setbacks(program) == []
        assert metrics.total("mailflow_setbacks", member="mta1") == 0
        explained = mailflow("explain", program.config_file, first["id"]).stdout
        assert explained.count("Greylisted") >= 2


def test_a_dead_member_is_left_to_its_turns_and_what_waits_goes_when_it_is_back(
    lab: Laboratory, launch: Launch
) -> None:
    # Given
    lab.member("mta1").stop()
    retry = {"attempts": 6, "first": "2s", "longest": "15m"}
    inbound = {"deadline": "90s", "interval": "2s", "retry": retry}
    program = launch(routes={"inbound": inbound})

    # When
    eventually(lambda: len(deferred(program)) >= 7, within_seconds=25, what="turns in vain")
    dead = program.metrics()
    page, [setback], other = program.get("/").text, setbacks(program), setbacks(program, "mta2")

    # Then hardly anybody dialled it but its turns, and that is told
    assert dead.total("mailflow_retries_total", member="mta1") <= 3
    assert (setback["kind"], setback["recipient"], other) == ("connection", None, [])
    assert setback["failures"] >= 7
    assert dead.total("mailflow_setbacks", member="mta1") == 1
    assert dead.total("mailflow_setbacks", member="mta2") == 0
    assert "Retries: no session since" in page
    waiting = deferred(program)
    explained = mailflow("explain", program.config_file, waiting[0]["id"]).stdout
    assert re.search(r"waits +until .*; no session since .* times, last: .*refused", explained)

    # When it is back
    lab.member("mta1").start()
    lives = [ended(program, probe, within_seconds=20) for probe in waiting]

    # Then all that waited got through
    assert {(life["outcome"], life["attempts"] > 1) for life in lives} == {("delivered", True)}
    assert setbacks(program) == []
    assert program.metrics().unbalanced() == []
