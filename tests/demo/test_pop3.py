import asyncio
import poplib

import pytest

from probe.demo.pop3 import Pop3Server
from probe.demo.store import Store

from .clients import ADDRESS, MESSAGE, PASSWORD, certificates, raw, run, store


def maildrop(messages: int = 2) -> Store:
    mail = store()
    for _ in range(messages):
        mail.deliver(ADDRESS, MESSAGE)
    return mail


def log_in(server: Pop3Server, password: str = PASSWORD) -> poplib.POP3:
    client = poplib.POP3(server.host, server.port, timeout=5)
    try:
        client.user(ADDRESS)
        client.pass_(password)
    except poplib.error_proto:
        client.close()
        raise
    return client


def left(mail: Store) -> list[int]:
    account = mail.account(ADDRESS)
    assert account
    return [message.uid for message in account.inbox.messages]


def test_a_maildrop_is_listed_read_and_emptied_at_quit() -> None:
    def read(server: Pop3Server) -> None:
        client = log_in(server)
        assert client.capa().keys() >= {"TOP", "UIDL", "RESP-CODES", "PIPELINING"}
        assert client.stat() == (2, 2 * len(MESSAGE))
        assert client.uidl()[1] == [b"1 1000.1", b"2 1000.2"]
        assert client.list()[1] == [b"1 %d" % len(MESSAGE), b"2 %d" % len(MESSAGE)]
        assert client.top(1, 1)[1] == [b"Subject: hello", b"X-Tag: ABC", b"", b".a leading dot"]
        assert b"\r\n".join(client.retr(2)[1]) + b"\r\n" == MESSAGE
        client.dele(1)
        assert client.uidl()[1] == [b"2 1000.2"]
        client.quit()

    async def emptied() -> list[int]:
        async with Pop3Server(maildrop()) as server:
            await asyncio.to_thread(read, server)
            return left(server.store)

    assert run(emptied) == [2]


@pytest.mark.parametrize("end", ["reset", "lost"])
def test_nothing_is_deleted_without_a_quit_or_after_a_reset(end: str) -> None:
    def mark(server: Pop3Server) -> None:
        client = log_in(server)
        client.dele(1)
        if end == "reset":
            client.rset()
            client.quit()
        client.close()

    async def kept() -> list[int]:
        async with Pop3Server(maildrop()) as server:
            await asyncio.to_thread(mark, server)
            return left(server.store)

    assert run(kept) == [1, 2]


def test_a_wrong_password_is_told_apart_from_a_busy_maildrop() -> None:
    def contend(server: Pop3Server) -> None:
        first = log_in(server)
        with pytest.raises(poplib.error_proto, match=r"-ERR \[IN-USE\]"):
            log_in(server)
        with pytest.raises(poplib.error_proto, match=r"-ERR \[AUTH\]"):
            log_in(server, "wrong")
        first.quit()
        log_in(server).quit()

    async def contended() -> None:
        async with Pop3Server(maildrop(), exclusive=True) as server:
            await asyncio.to_thread(contend, server)

    run(contended)


def test_a_lost_session_gives_the_lock_back() -> None:
    async def freed() -> None:
        async with Pop3Server(maildrop(), exclusive=True) as server:
            (await asyncio.to_thread(log_in, server)).close()
            await asyncio.to_thread(raw, server.port, b"QUIT\r\n")  # by then the server has seen the loss
            (await asyncio.to_thread(log_in, server)).close()

    run(freed)


def test_readers_share_a_maildrop_without_the_lock() -> None:
    def share(server: Pop3Server) -> None:
        first = log_in(server)
        log_in(server).quit()
        first.quit()

    async def shared() -> None:
        async with Pop3Server(maildrop()) as server:
            await asyncio.to_thread(share, server)

    run(shared)


def test_stls_and_implicit_tls() -> None:
    server_tls, client_tls = certificates()

    def upgrade(server: Pop3Server) -> None:
        client = poplib.POP3(server.host, server.port, timeout=5)
        client.stls(client_tls)
        client.user(ADDRESS)
        assert client.pass_(PASSWORD).startswith(b"+OK")
        client.quit()

    def implicit(server: Pop3Server) -> None:
        client = poplib.POP3_SSL(server.host, server.port, timeout=5, context=client_tls)
        assert "STLS" not in client.capa()
        client.quit()

    async def both() -> None:
        async with Pop3Server(maildrop(), tls=server_tls) as server:
            await asyncio.to_thread(upgrade, server)
        async with Pop3Server(maildrop(), tls=server_tls, implicit_tls=True) as server:
            await asyncio.to_thread(implicit, server)

    run(both)


def test_nonsense_is_refused_line_by_line(caplog: pytest.LogCaptureFixture) -> None:
    nonsense = (
        b"STAT\r\n\xff\r\n\r\nUSER monitor@demo.test\r\nPASS demo\r\n"
        b"RETR 9\r\nTOP 1\r\nTOP 1 -1\r\nDELE x\r\nPASS x\r\n"
    )

    async def answered() -> bytes:
        async with Pop3Server(maildrop()) as server:
            return await asyncio.to_thread(raw, server.port, nonsense)

    words = [line.split()[0] for line in run(answered).splitlines()]
    assert words == [b"+OK", *[b"-ERR"] * 3, b"+OK", b"+OK", *[b"-ERR"] * 5]
    assert not caplog.records
