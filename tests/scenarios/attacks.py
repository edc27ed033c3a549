"""Attacks by whoever can write mail to the mailbox."""

import re
from email.message import EmailMessage

from tests.e2e.patience import eventually
from tests.lab import DOMAIN, MONITOR, Laboratory
from tests.scenarios.scenario import Scene

MANY = 300


def flood(scene: Scene) -> None:
    """Deliver much mail that has nothing to do with us."""
    for number in range(MANY):
        scene.lab.deliver(MONITOR, _letter(f"Invoice {number}", "Pay at once."))


def forged_tags(scene: Scene) -> None:
    """Deliver copies of real messages whose tags were changed by one letter, header and body alike."""
    genuine = _captured(scene.lab)
    for number in range(MANY // 3):
        place = number % 60
        scene.lab.deliver(MONITOR, _with_another_letter(genuine, place))


def replays(scene: Scene) -> None:
    """Deliver a real message again and again."""
    genuine = _captured(scene.lab)
    for _ in range(10):
        scene.lab.deliver(MONITOR, genuine)


def forged_bounces(scene: Scene) -> None:
    """Deliver reports of failures (RFC 3464) with tags that nobody signed."""
    for number in range(20):
        scene.lab.deliver(MONITOR, _report(("A" * 63) + "ABCDEFGHIJKLMNOPQRST"[number]))


def _captured(lab: Laboratory) -> bytes:
    """Return a message of ours, as anybody sees it who carries it."""

    def found() -> bytes | None:
        inbox = lab.inbox().values()
        return next((raw for raw, _ in inbox if b"Subject: Mail flow test" in raw), None)

    captured = eventually(found, within_seconds=10, what="a message of ours")
    assert captured
    return captured


def _with_another_letter(genuine: bytes, place: int) -> bytes:
    def changed(found: re.Match[bytes]) -> bytes:
        tag = bytearray(found[2])
        tag[place] = ord("A") if tag[place] != ord("A") else ord("B")
        return found[1] + bytes(tag)

    return re.sub(rb"(?i)(mailflow(?:-probe)?:\s{0,4})([a-z2-7]{64})", changed, genuine)


def _letter(subject: str, text: str) -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = f"somebody@elsewhere.{DOMAIN}", MONITOR, subject
    message.set_content(text)
    return message.as_bytes().replace(b"\n", b"\r\n")


def _report(tag: str) -> bytes:
    return (
        "Return-Path: <>\r\nFrom: MAILER-DAEMON@mta1.lab.test\r\nTo: probe@lab.test\r\n"
        "Subject: Undelivered Mail Returned to Sender\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nIt could not be delivered.\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\n"
        f"Reporting-MTA: dns; mta1.lab.test\r\nOriginal-Envelope-Id: {tag}\r\n\r\n"
        "Final-Recipient: rfc822; monitor@lab.test\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n"
        "--b\r\nContent-Type: text/rfc822-headers\r\n\r\n"
        f"Mailflow-Probe: {tag}\r\n\r\n--b--\r\n"
    ).encode()
