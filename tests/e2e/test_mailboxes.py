"""What lies in the mailbox: ours goes when its time is over, and nobody else's is ever touched."""

import re
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Launch
from tests.e2e.patience import eventually, let_pass
from tests.e2e.program import Program
from tests.e2e.quick import quick_config
from tests.lab import MONITOR, Laboratory
from tests.lab.dovecot import IMAP_PORT, IMAPS_PORT, POP3_PORT, POP3S_PORT

pytestmark = pytest.mark.lab


def one_of_ours(lab: Laboratory) -> bytes:
    found = eventually(
        lambda: [raw for raw, _ in lab.inbox().values() if b"Subject: Mail flow test" in raw],
        within_seconds=10,
        what="a message of ours",
    )
    return found[0]


def letter(subject: str, **headers: str) -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "somebody@elsewhere.test", MONITOR, subject
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content("What somebody else wrote.")
    return message.as_bytes().replace(b"\n", b"\r\n")


def delivered(program: Program, count: int = 8) -> None:
    eventually(lambda: program.metrics().outcomes().get("delivered", 0) >= count, within_seconds=15, what="deliveries")


def account(lab: Laboratory, port: int) -> dict[str, Any]:
    password = {"file": str(lab.path / "password")}
    return {"host": lab.hub, "port": port, "tls": "none", "username": MONITOR, "password": password}


def over_tls(lab: Laboratory, tls: str) -> dict[str, Any]:
    return {"tls": tls, "ca_file": str(lab.ca_file), "server_name": "imap.lab.test"}


def test_nothing_but_our_own_settled_mail_is_touched(lab: Laboratory, launch: Launch) -> None:
    lab.deliver(MONITOR, letter("Theirs: new"))
    lab.deliver(MONITOR, letter("Theirs: read by its owner"))
    with lab.imap() as owner:
        owner.select_folder("INBOX")
        owner.add_flags(owner.search(["SUBJECT", "read"]), [b"\\Seen", b"\\Flagged"])
    lab.deliver(MONITOR, letter("Theirs: signed by nobody", Mailflow_Probe="A" * 64))
    program = launch(mailboxes={"monitor": {"keep": "2s"}})
    genuine = one_of_ours(lab)
    forged = with_another_signature(genuine).replace(b"Subject: ", b"Subject: Theirs: ")
    lab.deliver(MONITOR, forged)
    quoted = letter("Theirs: an answer", In_Reply_To="<x@lab.test>") + b"> Mailflow: " + tag_of(genuine) + b"\r\n"
    lab.deliver(MONITOR, quoted)
    theirs = {uid: mail for uid, mail in lab.inbox().items() if b"Subject: Theirs" in mail[0]}
    delivered(program, 20)
    eventually(lambda: lies_there(lab, genuine) == 0, within_seconds=5, what="our own message to be deleted")
    after = lab.inbox()
    metrics = program.metrics()

    assert len(theirs) == 5
    assert {uid: after.get(uid) for uid in theirs} == theirs
    assert metrics.total("mailflow_foreign_messages_total") == 3
    assert metrics.total("mailflow_forged_tags_total") == 2
    assert metrics.total("mailflow_mailbox_messages") >= 5
    assert metrics.outcomes().keys() == {"delivered"}


def test_a_message_that_is_replayed_when_its_time_is_over_is_counted_and_left_alone(
    lab: Laboratory, launch: Launch
) -> None:
    program = launch(routes={"inbound": {"late_until": "4s"}})
    genuine = one_of_ours(lab)
    let_pass(4)
    replayed = genuine.replace(b"Subject: Mail flow test", b"Subject: Once more", 1)
    lab.deliver(MONITOR, replayed)
    eventually(lambda: program.metrics().total("mailflow_forged_tags_total") == 1, within_seconds=10, what="the replay")
    delivered(program, 16)

    assert [raw for raw, flags in lab.inbox().values() if b"Subject: Once more" in raw and not flags]
    assert program.metrics().total("mailflow_duplicates_total") == 0


def test_mail_of_another_probe_with_the_same_key_is_left_to_it(lab: Laboratory, launch: Launch, tmp_path: Path) -> None:
    program = launch(mailboxes={"monitor": {"keep": "1h"}})
    delivered(program)
    assert program.stop() == 0
    others = lab.inbox()

    program.configure(quick_config(lab, tmp_path, instance="another", state=f"sqlite:///{tmp_path}/another.db"))
    program.start()
    delivered(program)
    after = lab.inbox()

    assert {uid: after.get(uid) for uid in others} == others
    metrics = program.metrics()
    assert metrics.total("mailflow_foreign_messages_total") == metrics.total("mailflow_forged_tags_total") == 0
    assert metrics.total("mailflow_duplicates_total") == metrics.total("mailflow_late_arrivals_total") == 0


def test_settled_mail_stays_as_long_as_is_asked_and_is_not_marked_as_seen(lab: Laboratory, launch: Launch) -> None:
    program = launch(mailboxes={"monitor": {"keep": "8s"}})
    delivered(program, 1)
    let_pass(2.5)
    kept = lab.inbox()
    ended = [probe["id"] for probe in program.probes(outcome="delivered")][-1]
    still_there = holds(lab, ended)
    eventually(lambda: not holds(lab, ended), within_seconds=12, what="the message to be deleted")

    assert still_there
    assert {flags for _, flags in kept.values()} == {frozenset()}


WAYS = {
    "imap": lambda lab: {"imap": account(lab, IMAP_PORT)},
    "imap, starttls": lambda lab: {"imap": account(lab, IMAP_PORT) | over_tls(lab, "starttls")},
    "imap, implicit tls": lambda lab: {"imap": account(lab, IMAPS_PORT) | over_tls(lab, "implicit")},
    "pop3": lambda lab: {"pop3": account(lab, POP3_PORT)},
    "pop3, starttls": lambda lab: {"pop3": account(lab, POP3_PORT) | over_tls(lab, "starttls")},
    "pop3, implicit tls": lambda lab: {"pop3": account(lab, POP3S_PORT) | over_tls(lab, "implicit")},
}


@pytest.mark.parametrize("way", WAYS)
def test_a_mailbox_is_read_and_tidied_either_way(lab: Laboratory, launch: Launch, tmp_path: Path, way: str) -> None:
    lab.deliver(MONITOR, letter("hello"))
    config = quick_config(lab, tmp_path)
    config["mailboxes"] = {"monitor": {"address": MONITOR, **WAYS[way](lab)}}
    program = launch(config)
    delivered(program)
    [first, *_] = reversed(program.probes(outcome="delivered"))
    eventually(lambda: not holds(lab, first["id"]), within_seconds=5, what="the first message to be deleted")

    metrics = program.metrics()
    assert metrics.outcomes().keys() == {"delivered"}
    assert metrics.total("mailflow_mailbox_up") == 1
    assert metrics.total("mailflow_foreign_messages_total") == 1
    assert [flags for raw, flags in lab.inbox().values() if b"Subject: hello" in raw] == [frozenset()]
    assert metrics.unbalanced() == []


def holds(lab: Laboratory, probe_id: str) -> bool:
    return any(probe_id.encode() in raw for raw, _ in lab.inbox().values())


def lies_there(lab: Laboratory, genuine: bytes) -> int:
    return sum(raw == genuine for raw, _ in lab.inbox().values())


def tag_of(raw: bytes) -> bytes:
    found = re.search(rb"Mailflow: ([A-Z2-7]{64})", raw)
    assert found is not None
    return found[1]


def with_another_signature(genuine: bytes) -> bytes:
    """Return one of our messages with a tag whose signature does not fit, and otherwise well formed."""
    tag = tag_of(genuine)
    return genuine.replace(tag, tag[:-1] + (b"B" if tag.endswith(b"A") else b"A"))
