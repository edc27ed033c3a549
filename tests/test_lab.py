"""The laboratory keeps its word: every special address and every fault, seen with plain SMTP, IMAP and POP3."""

import poplib
import smtplib
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from uuid import uuid4

import dns.message
import dns.query
import pytest

from tests.lab import MONITOR, PASSWORD, SENDER, Laboratory, Member, Stage
from tests.lab.addresses import DELAY
from tests.lab.console import obey
from tests.lab.dovecot import POP3_PORT, POP3S_PORT
from tests.lab.postfix_config import PROXY_PORT, SMTP_PORT, SMTPS_PORT, SUBMISSION_PORT

pytestmark = pytest.mark.lab

ARRIVES_WITHIN = timedelta(seconds=15)


def message(subject: str) -> EmailMessage:
    letter = EmailMessage()
    letter["From"], letter["To"], letter["Subject"] = SENDER, MONITOR, subject
    letter.set_content("A message of the laboratory's own tests.")
    return letter


def dial(member: Member, *, timeout_seconds: float = 10) -> smtplib.SMTP:
    return smtplib.SMTP(member.address, member.port, local_hostname="test.lab.test", timeout=timeout_seconds)


def send(member: Member, to: str = MONITOR) -> str:
    """Send one message and return its subject, by which it is found again."""
    subject = str(uuid4())
    with dial(member) as client:
        client.send_message(message(subject), SENDER, [to])
    return subject


def count(lab: Laboratory, subject: str, *, folder: str = "INBOX", user: str = MONITOR) -> int:
    with lab.imap(user) as client:
        client.select_folder(folder, readonly=True)
        return len(client.search(["SUBJECT", subject]))


def becomes_true(question: Callable[[], bool]) -> bool:
    give_up = time.monotonic() + ARRIVES_WITHIN.total_seconds()
    while time.monotonic() < give_up:
        if question():
            return True
        time.sleep(0.05)
    return False


def arrives(lab: Laboratory, subject: str, *, times: int = 1, folder: str = "INBOX", user: str = MONITOR) -> bool:
    return becomes_true(lambda: count(lab, subject, folder=folder, user=user) == times)


def reply_at(member: Member, stage: Stage) -> int:
    """Walk the dialogue up to `stage` and return the code of the reply there; the stages before must go well."""
    # Closed without QUIT: after DATA the server would take it for a line of the message.
    with closing(smtplib.SMTP(local_hostname="test.lab.test", timeout=10)) as client:
        steps: dict[Stage, Callable[[], int]] = {
            Stage.BANNER: lambda: client.connect(member.address, member.port)[0],
            Stage.EHLO: lambda: client.ehlo()[0],
            Stage.MAIL: lambda: client.mail(SENDER)[0],
            Stage.RCPT: lambda: client.rcpt(MONITOR)[0],
            Stage.DATA: lambda: client.docmd("DATA")[0],
            Stage.BODY: lambda: end_message(client),
        }
        for step, take in steps.items():
            code = take()
            if step is stage:
                return code
            assert code < 400, (step, code)
    raise AssertionError(stage)


def end_message(client: smtplib.SMTP) -> int:
    client.send(b"Subject: x\r\n\r\nx\r\n.\r\n")
    return client.getreply()[0]


@pytest.fixture
def mta1(lab: Laboratory) -> Member:
    return lab.member("mta1")


def test_every_member_delivers_to_the_one_mailbox(lab: Laboratory) -> None:
    subjects = [send(member) for member in lab.members.values()]

    assert [arrives(lab, subject) for subject in subjects] == [True] * 4


def test_any_address_of_the_domain_is_a_mailbox_of_its_own(lab: Laboratory, mta1: Member) -> None:
    subject = send(mta1, "somebody@lab.test")

    assert arrives(lab, subject, user="somebody@lab.test")
    assert count(lab, subject) == 0


@pytest.mark.parametrize("address, code", [("refuse@lab.test", 550), ("refuse-now@lab.test", 450)])
def test_an_address_is_refused_at_rcpt(mta1: Member, address: str, code: int) -> None:
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refusal:
        send(mta1, address)

    assert refusal.value.recipients[address][0] == code


@pytest.mark.parametrize("address, code", [("refuse-body@lab.test", 550), ("refuse-body-now@lab.test", 451)])
def test_an_address_is_refused_after_the_final_dot(mta1: Member, address: str, code: int) -> None:
    with pytest.raises(smtplib.SMTPDataError) as refusal:
        send(mta1, address)

    assert refusal.value.smtp_code == code


def test_mail_for_elsewhere_is_not_relayed(mta1: Member) -> None:
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refusal:
        send(mta1, "somebody@elsewhere.test")

    assert refusal.value.recipients["somebody@elsewhere.test"][0] == 554


def test_discarded_mail_is_accepted_and_never_arrives(lab: Laboratory, mta1: Member) -> None:
    dropped = send(mta1, "discard@lab.test")
    later = send(mta1)

    assert arrives(lab, later)
    assert becomes_true(lambda: "status=sent (silently)" in lab.maillog("mta1"))
    assert count(lab, dropped) == 0


def test_doubled_mail_arrives_twice(lab: Laboratory, mta1: Member) -> None:
    assert arrives(lab, send(mta1, "twice@lab.test"), times=2)


def test_junk_arrives_in_the_folder_marked_as_junk(lab: Laboratory, mta1: Member) -> None:
    subject = send(mta1, "junk@lab.test")

    with lab.imap() as client:
        junk = client.find_special_folder(b"\\Junk")
    assert arrives(lab, subject, folder=junk)
    assert count(lab, subject) == 0


def test_delayed_mail_arrives_late(lab: Laboratory, mta1: Member) -> None:
    accepted = time.monotonic()
    subject = send(mta1, "delay@lab.test")

    assert arrives(lab, subject)
    assert time.monotonic() - accepted >= DELAY.total_seconds()


def test_a_bounce_comes_back_to_the_monitor(lab: Laboratory, mta1: Member) -> None:
    send(mta1, "bounce@lab.test")

    assert arrives(lab, "Undelivered Mail Returned to Sender")


def test_a_stopped_member_refuses_connections_until_it_is_started(lab: Laboratory, mta1: Member) -> None:
    mta1.stop()
    with pytest.raises(ConnectionRefusedError):
        dial(mta1)

    mta1.start()
    assert arrives(lab, send(mta1))


def test_a_killed_member_keeps_what_it_had_accepted(lab: Laboratory, mta1: Member) -> None:
    lab.dovecot.stop()
    subject = send(mta1)
    mta1.kill()
    lab.dovecot.start()
    mta1.start()

    assert arrives(lab, subject)


def test_a_frozen_member_takes_the_connection_and_says_nothing(lab: Laboratory, mta1: Member) -> None:
    mta1.freeze()
    with pytest.raises(smtplib.SMTPServerDisconnected, match="timed out"):
        dial(mta1, timeout_seconds=0.5)

    mta1.thaw()
    assert arrives(lab, send(mta1))


def test_a_discarding_member_accepts_everything_and_delivers_nothing(lab: Laboratory, mta1: Member) -> None:
    mta1.discard()
    dropped = send(mta1)
    mta1.discard(False)
    kept = send(mta1)

    assert arrives(lab, kept)
    assert count(lab, dropped) == 0


@pytest.mark.parametrize("stage", list(Stage))
def test_a_member_refuses_at_any_stage_for_good_and_for_now(mta1: Member, stage: Stage) -> None:
    healthy = reply_at(mta1, stage)
    mta1.refuse(stage=stage)
    for_good = reply_at(mta1, stage)
    mta1.refuse_now(stage=stage)
    for_now = reply_at(mta1, stage)
    mta1.refuse_now(False, stage=stage)

    assert healthy < 400
    assert (for_good, for_now, reply_at(mta1, stage)) == (550, 450, healthy)


@pytest.mark.parametrize("stage", list(Stage))
def test_a_member_is_slow_at_any_stage(mta1: Member, stage: Stage) -> None:
    mta1.slow(1, stage=stage)
    asked = time.monotonic()

    assert reply_at(mta1, stage) < 400
    assert time.monotonic() - asked >= 0.9


def test_a_fault_of_one_member_leaves_the_others_alone(lab: Laboratory, mta1: Member) -> None:
    mta1.refuse()

    assert arrives(lab, send(lab.member("mta2")))


def test_mail_waits_while_dovecot_is_stopped(lab: Laboratory, mta1: Member) -> None:
    lab.dovecot.stop()
    subject = send(mta1)
    with pytest.raises(ConnectionRefusedError):
        lab.imap()

    lab.dovecot.start()
    assert arrives(lab, subject)


def test_a_frozen_dovecot_takes_the_connection_and_says_nothing(lab: Laboratory) -> None:
    lab.dovecot.freeze()
    with (
        socket.create_connection((lab.hub, POP3_PORT), timeout=0.5) as client,
        pytest.raises(TimeoutError),
    ):
        client.recv(1)

    lab.dovecot.thaw()
    assert count(lab, "nothing") == 0


def test_a_foreign_message_comes_past_the_members(lab: Laboratory) -> None:
    lab.deliver(MONITOR, message("foreign").as_bytes())

    assert count(lab, "foreign") == 1


def test_a_reset_leaves_no_mail_and_no_fault(lab: Laboratory, mta1: Member) -> None:
    delayed = send(mta1, "delay@lab.test")
    lab.deliver(MONITOR, message("old").as_bytes())
    lab.dovecot.freeze()
    lab.member("mta2").freeze()
    lab.member("mta3").stop()
    lab.member("mta4").refuse(stage=Stage.BANNER)

    lab.reset()

    assert mta1.queued() == 0
    assert all(arrives(lab, send(member)) for member in lab.members.values())
    assert count(lab, "old") == count(lab, delayed) == 0


@pytest.fixture
def trusting(lab: Laboratory) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=lab.ca_file)


def test_starttls_shows_a_certificate_for_the_member_s_address(mta1: Member, trusting: ssl.SSLContext) -> None:
    with dial(mta1) as client:
        assert client.starttls(context=trusting)[0] == 220


def test_a_certificate_is_not_valid_for_another_member(lab: Laboratory, mta1: Member, trusting: ssl.SSLContext) -> None:
    with (
        socket.create_connection((mta1.address, SMTPS_PORT), timeout=10) as plain,
        pytest.raises(ssl.SSLCertVerificationError, match=r"mta2\.lab\.test"),
    ):
        trusting.wrap_socket(plain, server_hostname=lab.member("mta2").hostname)


def test_implicit_tls_is_spoken_on_its_own_port(mta1: Member, trusting: ssl.SSLContext) -> None:
    with smtplib.SMTP_SSL(mta1.address, SMTPS_PORT, context=trusting, timeout=10) as client:
        assert client.ehlo()[0] == 250


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("password, code", [(PASSWORD, 235), ("wrong", 535)])
def test_submission_asks_for_the_password(mta1: Member, mechanism: str, password: str, code: int) -> None:
    with smtplib.SMTP(mta1.address, SUBMISSION_PORT, timeout=10) as client:
        client.ehlo()
        client.user, client.password = MONITOR, password
        authobject = {"PLAIN": client.auth_plain, "LOGIN": client.auth_login}[mechanism]
        try:
            answer = client.auth(mechanism, authobject)[0]
        except smtplib.SMTPAuthenticationError as refusal:
            answer = refusal.smtp_code
        assert answer == code
        assert client.mail(SENDER)[0] == 250
        assert client.rcpt(MONITOR)[0] == (250 if code == 235 else 554)


def test_the_proxy_port_wants_to_hear_who_comes(lab: Laboratory, mta1: Member) -> None:
    with socket.create_connection((mta1.address, PROXY_PORT), timeout=10) as client:
        client.sendall(b"PROXY TCP4 192.0.2.7 127.0.0.1 1234 25\r\n")
        assert client.recv(100).startswith(b"220 mta1.lab.test")

    assert becomes_true(lambda: "connect from unknown[192.0.2.7]" in lab.maillog("mta1"))


def test_pop3_serves_the_same_mailbox(lab: Laboratory, trusting: ssl.SSLContext) -> None:
    lab.deliver(MONITOR, message("by pop3").as_bytes())

    for client in (
        poplib.POP3(lab.hub, POP3_PORT, timeout=10),
        poplib.POP3_SSL(lab.hub, POP3S_PORT, timeout=10, context=trusting),
    ):
        client.user(MONITOR)
        client.pass_(PASSWORD)
        assert client.stat()[0] == 1
        client.quit()


def answers(lab: Laboratory, name: str, kind: str) -> set[str]:
    reply = dns.query.udp(dns.message.make_query(name, kind), lab.hub, port=lab.dns.port, timeout=5)
    return {str(record) for rrset in reply.answer for record in rrset}


@pytest.mark.parametrize(
    "name, kind, expected",
    [
        ("lab.test", "MX", {"10 mx1.lab.test.", "20 mx2.lab.test."}),
        ("null.lab.test", "MX", {"0 ."}),
        ("implicit.lab.test", "MX", set()),
        ("dual-host.lab.test", "AAAA", {"::1"}),
    ],
)
def test_the_zone_knows_every_kind_of_exchanger(lab: Laboratory, name: str, kind: str, expected: set[str]) -> None:
    assert answers(lab, name, kind) == expected


def test_the_zone_names_the_members(lab: Laboratory) -> None:
    addresses = {member.address for member in lab.members.values()}

    assert answers(lab, "smtp.lab.test", "A") == addresses
    assert answers(lab, "mx1.lab.test", "A") == {lab.member("mta1").address}
    assert len(answers(lab, "_submission._tcp.lab.test", "SRV")) == len(addresses)


def test_an_exchanger_vanishes_from_the_zone_and_comes_back(lab: Laboratory) -> None:
    lab.dns.rewrite(["@ MX 5 mx2", f"mx2 A {lab.member('mta2').address}"])
    assert answers(lab, "lab.test", "MX") == {"5 mx2.lab.test."}
    assert answers(lab, "mx1.lab.test", "A") == set()

    lab.reset()
    assert len(answers(lab, "lab.test", "MX")) == 2


def test_two_laboratories_run_side_by_side(lab: Laboratory) -> None:
    with Laboratory(1) as other:
        subject = send(other.member("mta1"))

        assert arrives(other, subject)
        assert count(lab, subject) == 0
        gone = other.path

    assert not gone.exists()


def test_a_killed_laboratory_leaves_nothing_behind() -> None:
    script = (
        "import os, tests.lab as t; lab = t.Laboratory(2, dns=True); lab.start(); lab.member('mta2').freeze();"
        "print(lab.member('mta1').address, lab.path, flush=True); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, check=False)
    address, path = done.stdout.split()

    assert becomes_true(lambda: not Path(path).exists())
    with pytest.raises(ConnectionRefusedError):
        smtplib.SMTP(address, SMTP_PORT, timeout=5)


def test_a_config_names_every_member_and_takes_overrides(lab: Laboratory) -> None:
    config = lab.config(routes={"inbound": {"to": "twice@lab.test"}, "junk": {"pool": "vip"}})

    assert set(config["pools"]["vip"]["members"]) == {"mta1", "mta2", "mta3", "mta4"}
    assert config["routes"]["inbound"]["to"] == "twice@lab.test"
    assert config["routes"]["inbound"]["mailbox"] == "monitor"
    assert config["routes"]["junk"] == {"pool": "vip"}


def test_faults_are_switched_by_hand(lab: Laboratory) -> None:
    table = {
        "stop mta2": "mta2 stopped; no faults",
        "start mta2": "mta2 running; no faults",
        "discard mta2": "mta2 running; discards all mail",
        "keep mta2": "mta2 running; no faults",
        "damage mta1": "mta1 running; damages all mail",
        "slow mta2 3": "mta2 running; RCPT: 3 s late",
        "refuse-now mta2": "mta2 running; RCPT: 450 4.3.2 Refused for now, RCPT: 3 s late",
        "dovecot freeze": "dovecot frozen",
        "thaw dovecot": "dovecot running",
    }

    assert {line: obey(lab, line) for line in table} == table
    assert obey(lab, "explode mta2").startswith("say: stop|start")
