"""Bounces in the form in which the common mailers write them; the words are ours."""

from dataclasses import dataclass

from probe.model.message import compose
from probe.model.report import Action, Report
from tests.model.build import KEY, probe, route

ENVELOPE = compose(route(), probe(), KEY)
MESSAGE = ENVELOPE.message
RETURNED_HEADER = MESSAGE.partition(b"\r\n\r\n")[0].decode() + "\r\n"
TAG = ENVELOPE.id or ""
TO = "monitor@lab.test"


@dataclass(frozen=True, slots=True)
class Example:
    """A message, and what it tells."""

    raw: bytes
    tells: Report

    @property
    def header(self) -> bytes:
        return self.raw.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"

    @property
    def body(self) -> bytes:
        return self.raw.partition(b"\r\n\r\n")[2]


def notification(
    fields: str, *, header: str, words: str, returned: str = RETURNED_HEADER, inside: str = "text/rfc822-headers"
) -> bytes:
    """Write a delivery status notification (RFC 3464)."""
    return (
        f"""\
{header.strip()}
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="=_bound"

This is a MIME-encapsulated message.

--=_bound
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

{words.strip()}

--=_bound
Content-Type: message/delivery-status

{fields.strip()}

--=_bound
Content-Type: {inside}

{returned}
--=_bound--
""".replace("\r\n", "\n")
        .replace("\n", "\r\n")
        .encode()
    )


def words(header: str, body: str, *, returned: str = MESSAGE.decode()) -> bytes:
    """Write a bounce that is nothing but words, and the message."""
    return f"{header.strip()}\n\n{body.strip()}\n\n{returned}".replace("\r\n", "\n").replace("\n", "\r\n").encode()


NOTIFICATIONS = {
    "Postfix": Example(
        notification(
            f"""
Reporting-MTA: dns; mta2.lab.test
Original-Envelope-Id: {TAG}
X-Postfix-Queue-ID: 4QxYzT0abc
X-Postfix-Sender: rfc822; probe@lab.test
Arrival-Date: Sun,  1 Mar 2026 12:00:00 +0000 (UTC)

Final-Recipient: rfc822; {TO}
Original-Recipient: rfc822;{TO}
Action: failed
Status: 5.1.1
Remote-MTA: dns; mx.example.org
Diagnostic-Code: smtp; 550 5.1.1 <{TO}>: Recipient address
    rejected: User unknown
""",
            header="""
Return-Path: <>
From: MAILER-DAEMON@mta2.lab.test (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
""",
            words="I'm sorry to have to inform you that your message could not be delivered.",
        ),
        Report(
            Action.FAILED,
            "5.1.1",
            "mta2.lab.test",
            "mx.example.org",
            f"550 5.1.1 <{TO}>: Recipient address rejected: User unknown",
        ),
    ),
    "Postfix, itself": Example(
        notification(
            f"""
Reporting-MTA: dns; mta2.lab.test

Final-Recipient: rfc822; {TO}
Action: failed
Status: 5.4.6
Diagnostic-Code: X-Postfix; mail for lab.test loops back to myself
""",
            header="Return-Path: <>\nFrom: MAILER-DAEMON@mta2.lab.test\nSubject: Undelivered Mail Returned to Sender",
            words="Sorry.",
        ),
        Report(Action.FAILED, "5.4.6", "mta2.lab.test", "", "mail for lab.test loops back to myself"),
    ),
    "Postfix, delayed": Example(
        notification(
            f"""
Reporting-MTA: dns; mta2.lab.test

Final-Recipient: rfc822; {TO}
Action: delayed
Status: 4.4.1
Diagnostic-Code: X-Postfix; connect to mx.example.org[192.0.2.1]:25: timed out
Will-Retry-Until: Fri,  6 Mar 2026 12:00:00 +0000 (UTC)
""",
            header="Return-Path: <>\nFrom: MAILER-DAEMON@mta2.lab.test\nSubject: Delayed Mail (still being retried)",
            words="YOU DO NOT NEED TO RESEND YOUR MESSAGE.",
        ),
        Report(Action.DELAYED, "4.4.1", "mta2.lab.test", "", "connect to mx.example.org[192.0.2.1]:25: timed out"),
    ),
    "Postfix, given up with a temporary status": Example(
        notification(
            f"""
Reporting-MTA: dns; mta2.lab.test

Final-Recipient: rfc822; {TO}
Action: failed
Status: 4.4.1
Diagnostic-Code: X-Postfix; connect to mx.example.org[192.0.2.1]:25: timed out
""",
            header="Return-Path: <>\nFrom: MAILER-DAEMON@mta2.lab.test\nSubject: Undelivered Mail Returned to Sender",
            words="Sorry.",
        ),
        Report(Action.FAILED, "4.4.1", "mta2.lab.test", "", "connect to mx.example.org[192.0.2.1]:25: timed out"),
    ),
    "Exim": Example(
        notification(
            f"""
Reporting-MTA: dns; exim.lab.test

Action: failed
Final-Recipient: rfc822;{TO}
Status: 5.0.0
Remote-MTA: dns; mx.example.org
Diagnostic-Code: smtp; 550 No such person at this address
""",
            header=f"""
Return-path: <>
X-Failed-Recipients: {TO}
Auto-Submitted: auto-replied
From: Mail Delivery System <Mailer-Daemon@exim.lab.test>
Subject: Mail delivery failed: returning message to sender
""",
            words="This message was created automatically by mail delivery software.",
            returned=MESSAGE.decode(),
            inside="message/rfc822",
        ),
        Report(Action.FAILED, "5.0.0", "exim.lab.test", "mx.example.org", "550 No such person at this address"),
    ),
    "Sendmail": Example(
        notification(
            f"""
Reporting-MTA: dns; sm.lab.test
Received-From-MTA: DNS; probe.lab.test
Arrival-Date: Sun, 1 Mar 2026 12:00:00 GMT

Final-Recipient: RFC822; {TO}
Action: failed
Status: 5.1.1
Remote-MTA: DNS; mx.example.org
Diagnostic-Code: SMTP; 550 5.1.1 User unknown
Last-Attempt-Date: Sun, 1 Mar 2026 12:00:01 GMT
""",
            header="""
Return-Path: <MAILER-DAEMON>
From: Mail Delivery Subsystem <MAILER-DAEMON@sm.lab.test>
Subject: Returned mail: see transcript for details
Auto-Submitted: auto-generated (failure)
""",
            words="----- The following addresses had permanent fatal errors -----",
        ),
        Report(Action.FAILED, "5.1.1", "sm.lab.test", "mx.example.org", "550 5.1.1 User unknown"),
    ),
    "Exchange Online": Example(
        notification(
            f"""
Reporting-MTA: dns;AM0PR01MB0001.example.test
Received-From-MTA: dns;probe.lab.test
Arrival-Date: Sun, 1 Mar 2026 12:00:00 +0000

Final-Recipient: rfc822;{TO}
Action: failed
Status: 5.1.10
Diagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup
""",
            header="""
From: <postmaster@example.test>
Content-Language: en-US
Subject: Undeliverable: Mail flow test abc
Auto-Submitted: auto-replied
X-MS-Exchange-Message-Is-Ndr:
""",
            words="Your message to monitor couldn't be delivered.",
            inside="message/rfc822",
        ),
        Report(
            Action.FAILED,
            "5.1.10",
            "AM0PR01MB0001.example.test",
            "",
            "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup",
        ),
    ),
    "Gmail": Example(
        notification(
            f"""
Reporting-MTA: dns; googlemail.example
Received-From-MTA: dns; probe@lab.test
Arrival-Date: Sun, 01 Mar 2026 04:00:00 -0800 (PST)
X-Original-Message-ID: <abc@lab.test>

Final-Recipient: rfc822; {TO}
Action: failed
Status: 5.2.2
Remote-MTA: dns; gmail-smtp-in.example. (192.0.2.26, the server for the domain.)
Diagnostic-Code: smtp; 552-5.2.2 The recipient's inbox is out of space.
 552 5.2.2 Please tell the recipient
Last-Attempt-Date: Sun, 01 Mar 2026 04:00:01 -0800 (PST)
""",
            header=f"""
Return-Path: <>
From: Mail Delivery Subsystem <mailer-daemon@googlemail.example>
Subject: Delivery Status Notification (Failure)
X-Failed-Recipients: {TO}
Auto-Submitted: auto-replied
""",
            words="** Message blocked **",
            inside="message/rfc822",
        ),
        Report(
            Action.FAILED,
            "5.2.2",
            "googlemail.example",
            "gmail-smtp-in.example. (192.0.2.26, the server for the domain.)",
            "552-5.2.2 The recipient's inbox is out of space. 552 5.2.2 Please tell the recipient",
        ),
    ),
    "OpenSMTPD": Example(
        notification(
            f"""
Reporting-MTA: dns; osmtpd.lab.test

Final-Recipient: rfc822; {TO}
Action: error
Status: 5.0.0
""",
            header="""
From: Mailer Daemon <MAILER-DAEMON@osmtpd.lab.test>
Subject: Delivery status notification: error
Auto-Submitted: auto-replied
""",
            words="Hi! This is the MAILER-DAEMON. 550 Invalid recipient",
        ),
        Report(Action.FAILED, "5.0.0", "osmtpd.lab.test"),
    ),
    "Amazon SES": Example(
        notification(
            f"""
Reporting-MTA: dns; a8-1.smtp-out.example

Final-Recipient: rfc822; {TO}
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 user unknown
""",
            header="""
Return-Path: <>
From: MAILER-DAEMON@amazonses.example
Subject: Delivery Status Notification (Failure)
""",
            words="An error occurred while trying to deliver the mail to the following recipients:",
            inside="message/rfc822",
        ),
        Report(Action.FAILED, "5.1.1", "a8-1.smtp-out.example", "", "550 5.1.1 user unknown"),
    ),
    "relayed to a server without DSN": Example(
        notification(
            f"""
Reporting-MTA: dns; mta2.lab.test

Final-Recipient: rfc822; {TO}
Action: relayed
Status: 2.0.0
Remote-MTA: dns; old.example.org
Diagnostic-Code: smtp; 250 ok
""",
            header="Return-Path: <>\nFrom: MAILER-DAEMON@mta2.lab.test\nSubject: Successful Mail Delivery Report",
            words="Enclosed is the mail delivery report that you requested.",
        ),
        Report(Action.RELAYED, "2.0.0", "mta2.lab.test", "old.example.org", "250 ok"),
    ),
    "one recipient reached, another not": Example(
        notification(
            """
Reporting-MTA: dns; mta2.lab.test

Final-Recipient: rfc822; one@lab.test
Action: delivered
Status: 2.0.0

Final-Recipient: rfc822; two@lab.test
Action: failed (of course)
Status: 5.7.1 (refused)
Diagnostic-Code: 550 go away
""",
            header="Return-Path: <>\nSubject: Delivery report",
            words="Some did, some did not.",
        ),
        Report(Action.FAILED, "5.7.1", "mta2.lab.test", "", "550 go away"),
    ),
}

IN_WORDS = {
    "qmail": Example(
        words(
            "Return-Path: <>\nFrom: MAILER-DAEMON@qmail.lab.test\nTo: probe@lab.test\nSubject: failure notice",
            f"""
Hi. This is the qmail-send program at qmail.lab.test.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<{TO}>:
192.0.2.7 does not like recipient.
Remote host said: 550 5.1.1 no such mailbox

--- Below this line is a copy of the message.
""",
        ),
        Report(Action.FAILED, "5.1.1", "qmail.lab.test", "", "Remote host said: 550 5.1.1 no such mailbox"),
    ),
    "Exim, old": Example(
        words(
            f"""
Return-path: <>
X-Failed-Recipients: {TO}
From: Mail Delivery System <Mailer-Daemon@exim.lab.test>
Subject: Mail delivery failed: returning message to sender
""",
            f"""
This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  {TO}
    SMTP error from remote mail server after RCPT TO:<{TO}>:
    host mx.example.org [192.0.2.1]: 550 Unknown user

------ This is a copy of the message, including all the headers. ------
""",
        ),
        Report(Action.FAILED, "", "exim.lab.test", "", "host mx.example.org [192.0.2.1]: 550 Unknown user"),
    ),
    "Exim, old, delayed": Example(
        words(
            """
Return-path: <>
From: Mail Delivery System <Mailer-Daemon@exim.lab.test>
Subject: Warning: message 1abcde-0000 delayed 24 hours
""",
            f"""
This message was created automatically by mail delivery software.
A message that you sent has not yet been delivered to one or more of its
recipients after more than 24 hours on the queue on exim.lab.test.

The address to which the message has not yet been delivered is:

  {TO}

No action is required on your part.
""",
        ),
        Report(Action.DELAYED, "", "exim.lab.test"),
    ),
    "Exchange, old": Example(
        words(
            "From: System Administrator <postmaster@exchange.lab.test>\nSubject: Undeliverable: Mail flow test abc",
            f"""
Your message

  To:      {TO}
  Subject: Mail flow test abc

did not reach the following recipient(s):

{TO} on Sun, 1 Mar 2026 12:00:00 -0000
    The recipient name is not recognized
    exchange.lab.test #5.1.1
""",
        ),
        Report(Action.FAILED, "5.1.1", "exchange.lab.test", "", "exchange.lab.test #5.1.1"),
    ),
    "somebody's own": Example(
        words(
            "Return-Path: <>\nFrom: Mail Delivery Service <mailer-daemon@own.lab.test>\nSubject: Sorry",
            "It did not work.\n\n",
        ),
        Report(Action.FAILED, "", "own.lab.test"),
    ),
    "a notification that says nothing": Example(
        notification(
            "Reporting-MTA: dns; mta2.lab.test\n\nFinal-Recipient: rfc822; x@y.test\nAction: pondered",
            header="Return-Path: <>\nFrom: MAILER-DAEMON@mta2.lab.test\nSubject: Undelivered Mail",
            words="This is the Postfix program at host mta2.lab.test.\n\n<x@y.test>: 552 5.2.2 Mailbox full",
        ),
        Report(Action.FAILED, "5.2.2", "mta2.lab.test", "", "<x@y.test>: 552 5.2.2 Mailbox full"),
    ),
}

EXAMPLES = NOTIFICATIONS | IN_WORDS
