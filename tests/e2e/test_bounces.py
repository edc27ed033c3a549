"""What a real Postfix sends back is understood: bounces with and without an envelope id, and delays."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.patience import eventually
from tests.e2e.program import Program
from tests.e2e.quick import only, quick_config
from tests.lab import DOMAIN, Laboratory
from tests.lab.config import merged
from tests.lab.dovecot import POP3_PORT
from tests.lab.postfix_config import OLD_PORT

pytestmark = pytest.mark.lab

RETURNS = f"returns@{DOMAIN}"
POPPED = f"popped@{DOMAIN}"
NO_SUCH_USER = "bounced by mta1.lab.test: 5.1.1 No such user here"
LONG = "20s"


@pytest.fixture(scope="module")
def program(laboratory: Laboratory, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    laboratory.reset()
    home = tmp_path_factory.mktemp("bounces")
    with Program(_config(laboratory, home), home) as program:
        yield program


def _config(lab: Laboratory, home: Path) -> dict[str, Any]:
    config = quick_config(lab, home)
    smtp, inbound = config["pools"]["vip"]["smtp"] | {"verify": False}, config["routes"]["inbound"]
    monitor = config["mailboxes"]["monitor"]
    account = {"username": POPPED, "password": monitor["imap"]["password"], "host": lab.hub, "tls": "none"}
    config["mailboxes"] |= {
        "returns": merged(monitor, {"address": RETURNS, "imap": {"username": RETURNS}}),
        "popped": {"address": POPPED, "pop3": account | {"port": POP3_PORT}},
    }
    config["pools"] = {
        "new": {"members": only(lab, "mta1"), "smtp": smtp},
        "old": {"members": {"mta1": f"{lab.member('mta1').address}:{OLD_PORT}"}, "smtp": smtp},
    }
    bounce = inbound | {"pool": "new", "to": f"bounce@{DOMAIN}", "deadline": LONG}
    config["routes"] = {
        "by-envelope-id": bounce,
        "by-returned-message": bounce | {"pool": "old"},
        "to-another-mailbox": bounce | {"from": RETURNS, "bounces": "returns"},
        "to-another-mailbox-pop3": bounce | {"from": POPPED, "bounces": "popped"},
        "not-where-they-come-to": bounce | {"from": RETURNS, "deadline": "3s"},
        "by-the-next-server": bounce | {"to": f"next-refuses@{DOMAIN}"},
        "in-the-queue": bounce | {"pool": "old", "to": f"wait@{DOMAIN}", "deadline": "8s"},
    }
    return config


def ended(program: Program, route: str) -> dict[str, Any]:
    """Return the life of the first probe of a route that has ended."""
    probes = eventually(
        lambda: [probe for probe in program.probes(route=route) if probe["outcome"]],
        within_seconds=30,
        what=f"a probe of {route} to end",
    )
    return program.life(probes[-1]["id"])


@pytest.mark.parametrize(
    "route", ["by-envelope-id", "by-returned-message", "to-another-mailbox", "to-another-mailbox-pop3"]
)
def test_a_bounce_ends_its_probe_with_the_cause_in_words(program: Program, route: str) -> None:
    life = ended(program, route)

    assert (life["outcome"], life["why"]) == ("bounced", NO_SUCH_USER)
    [told] = [event for event in life["events"] if event["kind"] == "bounced"]
    assert told["text"].startswith(f"{NO_SUCH_USER}; inbox of ")
    heard, closed = (datetime.fromisoformat(at) for at in (told["at"], life["finished"]))
    assert (closed - heard).total_seconds() < 1


def test_a_bounce_names_the_server_that_refused_and_what_it_said(laboratory: Laboratory, program: Program) -> None:
    remote = laboratory.member("mta1").address

    assert ended(program, "by-the-next-server")["why"] == (
        f"bounced by mta1.lab.test: 5.7.1 (remote {remote}: 554 5.7.1 <nobody@next.test>: Relay access denied)"
    )


def test_a_bounce_that_comes_to_another_mailbox_than_the_routes_is_not_believed(program: Program) -> None:
    assert ended(program, "not-where-they-come-to")["outcome"] == "missing"
    assert program.metrics().total("mailflow_foreign_messages_total", mailbox="returns") >= 1


def test_a_delay_is_noted_and_is_not_the_end(program: Program) -> None:
    life = ended(program, "in-the-queue")

    assert life["outcome"] == "missing"
    [told] = [event for event in life["events"] if event["kind"] == "report"]
    assert told["text"].startswith("delayed by mta1.lab.test: 4.4.1 The next server does not answer; inbox of monitor")
    assert told["at"] < life["finished"]


def test_bounces_are_deleted_and_what_cannot_be_proved_stays(laboratory: Laboratory, program: Program) -> None:
    life = ended(program, "by-envelope-id")
    eventually(
        lambda: [event for event in program.life(life["id"])["events"] if event["kind"] == "deleted"],
        within_seconds=10,
        what="the bounce to be deleted",
    )
    ended(program, "not-where-they-come-to")

    with laboratory.imap(RETURNS) as client:
        client.select_folder("INBOX", readonly=True)
        assert client.search()


def test_no_bounce_is_taken_for_a_strangers_or_a_forged_message(program: Program) -> None:
    ended(program, "by-envelope-id")

    assert program.metrics().total("mailflow_forged_tags_total", mailbox="monitor") == 0
    assert program.metrics().unbalanced() == []
