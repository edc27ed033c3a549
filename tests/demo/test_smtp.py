import asyncio
import smtplib
import socket
import ssl
import time
from datetime import timedelta

import pytest

from probe.demo.behaviour import Behaviour
from probe.demo.envelope import SIZE_CAP
from probe.demo.smtp import SmtpServer
from probe.demo.store import JUNK, Store
from probe.model.outcome import Stage

from .clients import ADDRESS, MESSAGE, certificates, raw, run, send, sent_to, smtp, store

GREETING = b"EHLO me\r\nMAIL FROM:<a@demo.test>\r\nRCPT TO:<monitor@demo.test>\r\n"


def arrived(mail: Store, folder: str = "INBOX") -> list[bytes]:
    account = mail.account(ADDRESS)
    assert account
    return [message.raw for message in account.folders[folder].messages]


def test_a_message_arrives_as_it_was_sent_below_its_trace_lines() -> None:
    error, mail = sent_to(Behaviour())

    assert error is None
    [message] = arrived(mail)
    trace, rest = message.removesuffix(MESSAGE).decode(), message[-len(MESSAGE) :]
    assert rest == MESSAGE
    assert trace.startswith("Return-Path: <probe@demo.test>\r\nReceived: from probe.demo.test ([127.0.0.1])\r\n")
    assert "\tby mx.demo.test with ESMTP id " in trace
    assert "\tfor <monitor@demo.test>;\r\n" in trace


def test_what_is_offered_is_in_the_ehlo_reply() -> None:
    async def offered() -> dict[str, str]:
        async with SmtpServer(store(), credentials=("u", "p"), tls=certificates()[0]) as server:

            def ask() -> dict[str, str]:
                with smtp(server) as client:
                    client.ehlo()
                    return client.esmtp_features

            return await asyncio.to_thread(ask)

    assert run(offered).keys() >= {
        "pipelining", "size", "8bitmime", "enhancedstatuscodes", "dsn", "starttls", "auth",
    }  # fmt: skip


@pytest.mark.parametrize(
    "stage, reply",
    [
        (Stage.BANNER, "554 5.3.2 no mail here"),
        (Stage.EHLO, "550 5.7.1 no such name"),
        (Stage.MAIL, "451 4.3.0 try later"),
        (Stage.RCPT, "450 4.7.1 greylisted\ntry in a minute"),
        (Stage.DATA, "451 4.3.0 try later"),
        (Stage.BODY, "554 5.6.0 not this one"),
    ],
)
def test_a_reply_can_be_replaced_at_every_stage(stage: Stage, reply: str) -> None:
    error, mail = sent_to(Behaviour(replies={stage: reply}))

    assert isinstance(error, smtplib.SMTPException)
    assert reply.split("\n")[0][4:] in str(error)
    assert arrived(mail) == []


@pytest.mark.parametrize("reply", ["nonsense", "150 low", "25 short", "250 a\r\nQUIT"])
def test_a_reply_that_smtp_does_not_know_cannot_be_built(reply: str) -> None:
    with pytest.raises(ValueError, match="is not a reply"):
        Behaviour(replies={Stage.MAIL: reply})


@pytest.mark.parametrize("stage", [Stage.BANNER, Stage.EHLO, Stage.MAIL, Stage.RCPT, Stage.DATA])
def test_a_hang_before_the_dot_is_silence_and_no_mail(stage: Stage) -> None:
    error, mail = sent_to(Behaviour(hang_at=stage), timeout=0.2)

    assert isinstance(error, TimeoutError | smtplib.SMTPServerDisconnected)
    assert arrived(mail) == []


@pytest.mark.parametrize("stage", [Stage.CONNECT, Stage.BANNER, Stage.EHLO, Stage.MAIL, Stage.RCPT, Stage.DATA])
def test_a_close_before_the_dot_ends_the_dialogue(stage: Stage) -> None:
    error, mail = sent_to(Behaviour(close_at=stage))

    assert isinstance(error, smtplib.SMTPServerDisconnected | ConnectionError)
    assert arrived(mail) == []


@pytest.mark.parametrize(
    "behaviour, copies",
    [
        (Behaviour(hang_at=Stage.BODY), 1),
        (Behaviour(hang_at=Stage.BODY, discard=True), 0),
        (Behaviour(close_at=Stage.BODY), 1),
        (Behaviour(close_at=Stage.BODY, discard=True), 0),
    ],
)
def test_without_a_reply_to_the_dot_the_message_may_or_may_not_arrive(behaviour: Behaviour, copies: int) -> None:
    error, mail = sent_to(behaviour, timeout=0.3)

    assert isinstance(error, TimeoutError | smtplib.SMTPServerDisconnected)
    assert len(arrived(mail)) == copies


@pytest.mark.parametrize(
    "behaviour, inbox, junk",
    [
        (Behaviour(discard=True), 0, 0),
        (Behaviour(copies=2), 2, 0),
        (Behaviour(folder=JUNK), 0, 1),
        (Behaviour(split_replies=True), 1, 0),
    ],
)
def test_an_accepted_message_is_filed_as_the_behaviour_says(behaviour: Behaviour, inbox: int, junk: int) -> None:
    error, mail = sent_to(behaviour)

    assert error is None
    assert (len(arrived(mail)), len(arrived(mail, JUNK))) == (inbox, junk)


def test_a_corrupted_body_differs_below_an_unchanged_header() -> None:
    _, mail = sent_to(Behaviour(corrupt_body=True))

    [message] = arrived(mail)
    assert message.endswith(b"Subject: hello\r\nX-Tag: ABC\r\n\r\n.a l3ading dot\r\nth3 3nd\r\n")


def test_a_delayed_reply_comes_late() -> None:
    started = time.monotonic()

    error, _ = sent_to(Behaviour(delays={Stage.BANNER: timedelta(seconds=0.2)}))

    assert error is None
    assert time.monotonic() - started >= 0.2


def test_a_delayed_delivery_comes_after_the_reply() -> None:
    async def told() -> list[int]:
        behaviour = Behaviour(delivery_delay=timedelta(seconds=0.2))
        async with SmtpServer(store(), behaviour=behaviour) as server:
            counts = []
            account = server.store.account(ADDRESS)
            assert account
            came = asyncio.Event()
            with account.inbox.watch(came.set):
                await asyncio.to_thread(send, server)
                counts.append(len(arrived(server.store)))
                await came.wait()
            return [*counts, len(arrived(server.store))]

    assert run(told) == [0, 1]


def test_a_refusing_port_stays_its_own_and_opens_again() -> None:
    async def reopened() -> tuple[int, list[bytes]]:
        async with SmtpServer(store(), behaviour=Behaviour(refuse_connections=True)) as server:
            port = server.port
            with pytest.raises(ConnectionRefusedError):
                await asyncio.to_thread(send, server)
            await server.close()
            server.behaviour = Behaviour()
            await server.start()
            await asyncio.to_thread(send, server)
            return server.port - port, arrived(server.store)

    moved, messages = run(reopened)
    assert (moved, len(messages)) == (0, 1)


def test_the_behaviour_can_change_between_two_messages() -> None:
    async def changed() -> int:
        async with SmtpServer(store()) as server:
            await asyncio.to_thread(send, server)
            server.behaviour = Behaviour(discard=True)
            await asyncio.to_thread(send, server)
            return len(arrived(server.store))

    assert run(changed) == 1


def answers(octets: bytes, *, lmtp: bool = False) -> list[str]:
    async def talk() -> bytes:
        async with SmtpServer(store(), lmtp=lmtp) as server:
            return await asyncio.to_thread(raw, server.port, octets)

    lines = run(talk).decode().splitlines()
    return [line[:3] for line in lines if line[3:4] == " "]


@pytest.mark.parametrize(
    "dialogue, codes",
    [
        (b"MAIL FROM:<a@demo.test>\r\n", ["503"]),
        (b"EHLO two words\r\n", ["501"]),
        (b"HELO me\r\nNOOP\r\nRSET\r\nVRFY a\r\nQUIT\r\nNOOP\r\n", ["250", "250", "250", "252", "221"]),
        (b"EHLO me\r\nRCPT TO:<a@demo.test>\r\n", ["250", "503"]),
        (b"EHLO me\r\nMAIL FROM:a@demo.test\r\n", ["250", "501"]),
        (b"EHLO me\r\nMAIL FROM:<> BODY=8BITMIME RET=HDRS ENVID=x SIZE=9\r\n", ["250", "250"]),
        (b"EHLO me\r\nMAIL FROM:<> SIZE=99999999999\r\n", ["250", "552"]),
        (b"EHLO me\r\nMAIL FROM:<> SMTPUTF8\r\n", ["250", "555"]),
        (b"EHLO me\r\nMAIL FROM:<> RET=HDRS RET=FULL\r\n", ["250", "501"]),
        (b"EHLO me\r\nMAIL FROM:<>\r\nRCPT TO:<nobody@demo.test>\r\nDATA\r\n", ["250", "250", "550", "503"]),
        (b"EHLO me\r\nSTARTTLS\r\nAUTH PLAIN\r\nEXPN x\r\n\xff\r\n", ["250", "503", "503", "500", "500"]),
        (GREETING + b"DATA\r\n.\r\nQUIT\r\n", ["250", "250", "250", "354", "250", "221"]),
    ],
)
def test_pipelined_commands_get_their_replies_in_order(dialogue: bytes, codes: list[str]) -> None:
    assert answers(dialogue) == ["220", *codes]


def test_lmtp_answers_the_dot_for_each_recipient() -> None:
    dialogue = (b"E" + GREETING[1:]).replace(b"EHLO", b"LHLO") + b"RCPT TO:<monitor@demo.test>\r\nDATA\r\n.\r\n"

    assert answers(dialogue, lmtp=True) == ["220", "250", "250", "250", "250", "354", "250", "250"]


def test_a_bare_line_feed_does_not_end_a_message() -> None:
    assert answers(GREETING + b"DATA\r\nx\n.\nMAIL FROM:<b@demo.test>\r\n.\r\n")[4:] == ["354", "250"]


def test_a_message_over_the_cap_is_refused_and_the_dialogue_goes_on() -> None:
    lines = b"x" * 998 + b"\r\n"
    body = lines * (SIZE_CAP // len(lines) + 1)

    assert answers(GREETING + b"DATA\r\n" + body + b".\r\nNOOP\r\n")[4:] == ["354", "552", "250"]


def test_an_endless_line_ends_the_session() -> None:
    assert answers(b"x" * 300_000) in ([], ["220"])


def test_starttls_and_both_ways_to_log_in() -> None:
    server_tls, client_tls = certificates()

    def log_in(server: SmtpServer, mechanism: str, password: str) -> int:
        with smtp(server) as client:
            client.starttls(context=client_tls)
            client.ehlo()
            client.user, client.password = "probe", password
            code, _ = client.auth(mechanism, getattr(client, f"auth_{mechanism.lower()}"), initial_response_ok=False)
            client.sendmail("probe@demo.test", [ADDRESS], MESSAGE)
            return code

    async def logged_in() -> list[bytes]:
        async with SmtpServer(store(), tls=server_tls, credentials=("probe", "right")) as server:
            assert await asyncio.to_thread(log_in, server, "PLAIN", "right") == 235
            assert await asyncio.to_thread(log_in, server, "LOGIN", "right") == 235
            with pytest.raises(smtplib.SMTPAuthenticationError):
                await asyncio.to_thread(log_in, server, "PLAIN", "wrong")
            with pytest.raises(smtplib.SMTPSenderRefused, match="log in first"):
                await asyncio.to_thread(send, server)
            return arrived(server.store)

    messages = run(logged_in)
    assert len(messages) == 2
    assert b"with ESMTPSA id" in messages[0]


def test_implicit_tls_speaks_tls_from_the_first_byte() -> None:
    server_tls, client_tls = certificates()

    def hello(server: SmtpServer) -> bytes:
        with smtplib.SMTP_SSL(server.host, server.port, local_hostname="me", context=client_tls) as client:
            return client.ehlo()[1]

    async def greeted() -> bytes:
        async with SmtpServer(store(), tls=server_tls, implicit_tls=True) as server:
            return await asyncio.to_thread(hello, server)

    assert b"STARTTLS" not in run(greeted)


def test_plain_text_behind_starttls_ends_the_session() -> None:
    async def injected() -> bytes:
        async with SmtpServer(store(), tls=certificates()[0]) as server:
            return await asyncio.to_thread(raw, server.port, b"EHLO me\r\nSTARTTLS\r\nNOOP\r\n")

    assert run(injected).splitlines()[-1].startswith(b"220 2.0.0")


def test_words_that_come_with_the_end_of_the_handshake_are_answered_under_tls() -> None:
    server_tls, client_tls = certificates()

    def early(port: int) -> bytes:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = client_tls.wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
        with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
            client.recv(1000)
            client.sendall(b"STARTTLS\r\n")
            client.recv(1000)
            done = False
            while not done:
                try:
                    tls.do_handshake()
                    done = True
                    tls.write(b"NOOP\r\n")  # leaves in one segment with the client's Finished
                except ssl.SSLWantReadError:
                    pass
                client.sendall(outgoing.read())
                if not done:
                    incoming.write(client.recv(65536))
            while True:
                incoming.write(client.recv(65536))
                try:
                    return tls.read(1000)
                except ssl.SSLWantReadError:
                    continue

    async def heard() -> bytes:
        async with SmtpServer(store(), tls=server_tls) as server:
            return await asyncio.to_thread(early, server.port)

    assert run(heard).startswith(b"250 ")


def test_a_failed_handshake_leaves_nothing_behind() -> None:
    async def failed() -> int:
        async with SmtpServer(store(), tls=certificates()[0], implicit_tls=True) as server:
            await asyncio.to_thread(raw, server.port, b"EHLO me\r\n")
            return server.connections

    assert run(failed) == 0
