import asyncio
import imaplib
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import imapclient
import pytest
from imapclient.exceptions import IMAPClientError, LoginError

from probe.demo.behaviour import ImapFaults
from probe.demo.imap import ImapServer
from probe.demo.store import Folder, Store

from .clients import ADDRESS, MESSAGE, PASSWORD, certificates, imap, raw, run, store

Result = TypeVar("Result")
HEADER, _, BODY = MESSAGE.partition(b"\r\n\r\n")
LOGIN = b"a LOGIN monitor@demo.test demo\r\n"


def folder(mail: Store, name: str = "INBOX") -> Folder:
    account = mail.account(ADDRESS)
    assert account
    return account.folders[name]


def with_server(work: Callable[[ImapServer], Result], *, messages: int = 2, faults: ImapFaults | None = None) -> Result:
    """Do the client's work, in a thread, against a server with some messages."""

    async def served() -> Result:
        async with ImapServer(store(), faults=faults) as server:
            for _ in range(messages):
                server.store.deliver(ADDRESS, MESSAGE)
            return await asyncio.to_thread(work, server)

    return run(served)


def test_folders_have_their_special_use_and_their_counts() -> None:
    def look(server: ImapServer) -> None:
        with imap(server) as client:
            assert client.has_capability("UIDPLUS")
            assert [name for _, _, name in client.list_folders()] == ["INBOX", "Junk"]
            assert client.find_special_folder(b"\\Junk") == "Junk"
            assert client._imap.xatom("LIST", "(SPECIAL-USE)", '""', "*")[0] == "OK"
            assert client._imap.response("LIST")[1] == [b'(\\HasNoChildren \\Junk) "/" "Junk"']
            assert client.list_folders(pattern="X*") == []
            assert client.namespace().personal == (("", "/"),)
            assert client.folder_status("inbox", ["MESSAGES", "UIDNEXT", "UIDVALIDITY", "UNSEEN"]) == {
                b"MESSAGES": 2, b"UIDNEXT": 3, b"UIDVALIDITY": 1000, b"UNSEEN": 2,
            }  # fmt: skip
            selected = client.select_folder("INBOX", readonly=True)
            assert (selected[b"EXISTS"], selected[b"UIDVALIDITY"], selected[b"UIDNEXT"]) == (2, 1000, 3)

    with_server(look)


def test_parts_of_a_message_are_fetched_without_marking_it() -> None:
    def read(server: ImapServer) -> None:
        with imap(server) as client:
            parts = [
                "BODY.PEEK[HEADER]",
                "BODY.PEEK[HEADER.FIELDS (X-TAG NONE)]",
                "BODY.PEEK[TEXT]<2.7>",
                "BODY.PEEK[]",
            ]
            got = client.fetch([2], ["UID", "FLAGS", "RFC822.SIZE", "INTERNALDATE", *parts])[2]
            assert got[b"BODY[HEADER]"] == HEADER + b"\r\n\r\n"
            assert got[b"BODY[HEADER.FIELDS (X-TAG NONE)]"] == b"X-Tag: ABC\r\n\r\n"
            assert got[b"BODY[TEXT]<2>"] == BODY[2:9]
            assert got[b"BODY[]"] == MESSAGE
            assert got[b"RFC822.SIZE"] == len(MESSAGE)
            assert abs(got[b"INTERNALDATE"] - datetime.now(UTC)) < timedelta(seconds=30)
            assert client.get_flags([2]) == {2: ()}
            client.fetch([2], ["BODY[]"])
            assert client.get_flags([2]) == {2: (b"\\Seen",)}

    with_server(read)


@pytest.mark.parametrize(
    "criteria, found",
    [
        (["ALL"], [1, 2, 3]),
        (["UID", "2:*"], [2, 3]),
        (["UID", "9:*"], [3]),
        (["2"], [2]),
        (["HEADER", "x-tag", "bc"], [1, 2]),
        (["HEADER", "X-Tag", "bd"], []),
        (["SUBJECT", "other words"], [3]),
        (["UNSEEN", "UID", "1:2"], [2]),
        (["SEEN"], [1]),
        (["NOT", "SEEN", "NOT", "UID", "2"], [3]),
        (["OR", "SEEN", "UID", "3"], [1, 3]),
        (["SINCE", datetime.now(UTC).date() - timedelta(days=1)], [1, 2, 3]),
        (["SINCE", datetime.now(UTC).date() + timedelta(days=2)], []),
    ],
)
def test_a_search_finds_what_fits_all_criteria(criteria: list[object], found: list[int]) -> None:
    def search(server: ImapServer) -> list[int]:
        with imap(server) as client:
            client.append("INBOX", b"Subject: other\r\n words\r\n\r\n")
            client.add_flags([1], ["\\Seen"])
            return list(client.search(criteria))

    assert with_server(search) == found


def test_only_the_named_message_is_expunged_and_other_sessions_hear_of_it() -> None:
    def clean(server: ImapServer) -> list[object]:
        with imap(server) as other, imap(server) as client:
            assert client.delete_messages([1, 2]) == {1: (b"\\Deleted",), 2: (b"\\Deleted",)}
            client.uid_expunge([1])
            assert client.search("DELETED") == [2]
            return [event[:2] for event in other.noop()[1]]

    assert with_server(clean, messages=3) == [(1, b"EXPUNGE")]


@pytest.mark.parametrize("command, left", [("close", []), ("unselect", [1]), ("expunge", [])])
def test_leaving_a_folder_expunges_only_by_close(command: str, left: list[int]) -> None:
    def leave(server: ImapServer) -> list[int]:
        with imap(server) as client:
            client.add_flags([1], ["\\Deleted"], silent=True)
            {"close": client.close_folder, "unselect": client.unselect_folder, "expunge": client.expunge}[command]()
        return [message.uid for message in folder(server.store).messages]

    assert with_server(leave, messages=1) == left


def test_a_folder_that_was_examined_is_not_changed() -> None:
    def try_to_change(server: ImapServer) -> None:
        with imap(server) as client:
            client.select_folder("INBOX", readonly=True)
            client.fetch([1], ["BODY[]"])
            with pytest.raises(IMAPClientError, match="READ-ONLY"):
                client.add_flags([1], ["\\Deleted"])
            with pytest.raises(IMAPClientError, match="READ-ONLY"):
                client.uid_expunge([1])
            client.close_folder()
        assert folder(server.store).messages[0].flags == frozenset()

    with_server(try_to_change)


def test_an_appended_message_keeps_its_flags_and_its_date() -> None:
    yesterday = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    def append(server: ImapServer) -> None:
        with imap(server) as client:
            assert b"APPENDUID 1000 1" in client.append("Junk", MESSAGE, ["\\Seen"], yesterday)
        [message] = folder(server.store, "Junk").messages
        assert (message.raw, message.flags, message.received) == (MESSAGE, frozenset({"\\Seen"}), yesterday)

    with_server(append)


def arrivals(faults: ImapFaults, *, wait_seconds: float) -> list[object]:
    """Idle, have a message delivered, and return what was pushed."""

    async def pushed() -> list[object]:
        async with ImapServer(store(), faults=faults) as server:
            loop = asyncio.get_running_loop()

            def idle() -> list[object]:
                with imap(server) as client:
                    client.idle()
                    loop.call_soon_threadsafe(server.store.deliver, ADDRESS, MESSAGE)
                    events = client.idle_check(timeout=wait_seconds)
                    client.idle_done()
                    return list(events)

            return await asyncio.to_thread(idle)

    return run(pushed)


def test_an_arrival_is_pushed_to_whoever_idles() -> None:
    started = time.monotonic()

    assert arrivals(ImapFaults(), wait_seconds=5) == [(1, b"EXISTS")]
    assert time.monotonic() - started < 2


def test_a_silent_idle_keeps_the_connection_and_pushes_nothing() -> None:
    assert arrivals(ImapFaults(silent_idle=True), wait_seconds=0.3) == []


def test_a_login_can_be_refused_and_delayed() -> None:
    def log_in(server: ImapServer) -> None:
        with imap(server):
            server.faults = replace(server.faults, refuse_login=True)
        started = time.monotonic()
        with pytest.raises(LoginError, match="AUTHENTICATIONFAILED"), imap(server):
            pass
        assert time.monotonic() - started >= 0.1

    with_server(log_in, faults=ImapFaults(login_delay=timedelta(seconds=0.1)))


def test_a_wrong_password_is_refused_both_ways() -> None:
    def log_in(server: ImapServer) -> None:
        client = imapclient.IMAPClient(server.host, server.port, ssl=False)
        with pytest.raises(LoginError):
            client.login(ADDRESS, "wrong")
        with pytest.raises(LoginError):
            client.plain_login(ADDRESS, "wrong")
        client.plain_login(ADDRESS, PASSWORD)
        client.logout()

    with_server(log_in)


def test_a_silent_server_takes_commands_and_never_answers() -> None:
    def wait(server: ImapServer) -> None:
        with imap(server) as client:
            server.faults = ImapFaults(silent=True)
            client.socket().settimeout(0.2)
            with pytest.raises(OSError, match="timed out"):
                client.noop()

    with_server(wait)


def test_dropping_all_cuts_every_session() -> None:
    async def dropped() -> list[bool]:
        async with ImapServer(store()) as server:

            def connect() -> list[imaplib.IMAP4]:
                return [imaplib.IMAP4(server.host, server.port, timeout=5) for _ in range(3)]

            def is_cut(client: imaplib.IMAP4) -> bool:
                with pytest.raises((imaplib.IMAP4.abort, OSError)):
                    client.noop()
                client.shutdown()
                return True

            clients = await asyncio.to_thread(connect)
            server.drop_all()
            return [await asyncio.to_thread(is_cut, client) for client in clients]

    assert run(dropped) == [True, True, True]


def test_a_renumbered_folder_sends_its_sessions_away_and_has_a_new_uidvalidity() -> None:
    def renumber(server: ImapServer) -> None:
        with imap(server) as client:
            client.delete_messages([1])
            client.uid_expunge([1])
            folder(server.store).renumber()
            with pytest.raises((IMAPClientError, OSError)):
                client.noop()
        with imap(server) as client:
            assert client.select_folder("INBOX")[b"UIDVALIDITY"] == 1001
            assert client.search("ALL") == [1, 2]

    with_server(renumber, messages=3)


def test_starttls_and_implicit_tls() -> None:
    server_tls, client_tls = certificates()

    def upgrade(server: ImapServer) -> None:
        client = imaplib.IMAP4(server.host, server.port, timeout=5)
        client.starttls(client_tls)
        assert "STARTTLS" not in client.capabilities
        assert client.login(ADDRESS, PASSWORD)[0] == "OK"
        client.logout()

    def implicit(server: ImapServer) -> None:
        client = imapclient.IMAPClient(server.host, server.port, ssl_context=client_tls, timeout=5)
        client.login(ADDRESS, PASSWORD)
        client.logout()

    async def both() -> None:
        async with ImapServer(store(), tls=server_tls) as server:
            await asyncio.to_thread(upgrade, server)
        async with ImapServer(store(), tls=server_tls, implicit_tls=True) as server:
            await asyncio.to_thread(implicit, server)

    run(both)


@pytest.mark.parametrize(
    "command, answer",
    [
        (b"", b"* BAD"),
        (b"x", b"x BAD"),
        (b"x (", b"x BAD"),
        (b'x "', b"x BAD"),
        (b"x " + b"(" * 50, b"x BAD"),
        (b"x NONSENSE", b"x BAD"),
        (b"x LOGIN a b", b"x BAD"),
        (b"x FETCH 1 FLAGS", b"x BAD"),
        (b"x SELECT nowhere", b"x NO"),
        (b"x SELECT (INBOX)", b"x BAD"),
        (b"x STATUS INBOX (COLOUR)", b"x BAD"),
        (b'x APPEND INBOX ("a\rb") {1+}\r\nz', b"x BAD"),
        (b"x SELECT INBOX\r\nx UID FETCH 1 COLOUR", b"x BAD"),
        (b"x SELECT INBOX\r\nx UID FETCH a FLAGS", b"x BAD"),
        (b"x SELECT INBOX\r\nx UID FETCH 1", b"x BAD"),
        (b"x SELECT INBOX\r\nx UID SEARCH", b"x BAD"),
        (b"x SELECT INBOX\r\nx UID SEARCH SINCE never", b"x BAD"),
        (b"x SELECT INBOX\r\nx UID SEARCH " + b"NOT " * 5000 + b"ALL", b"x BAD"),
        (b"x SELECT INBOX\r\nx UID SEARCH " + (b"NOT " * 49 + b"(") * 9 + b"NOT ALL" + b")" * 9, b"x OK"),
        (b"x SELECT INBOX\r\nx UID STORE 1 FLAGZ x", b"x BAD"),
        (b"x SELECT INBOX\r\nx IDLE\r\nSTOP", b"x BAD"),
        (b"x SELECT {5+}\r\nINBOX", b"x OK"),
        (b"x AUTHENTICATE PLAIN", b"x BAD"),
    ],
)
def test_a_broken_command_is_answered_and_the_session_goes_on(
    command: bytes, answer: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    def talk(server: ImapServer) -> list[bytes]:
        return raw(server.port, LOGIN + command + b"\r\nend NOOP\r\n").splitlines()

    lines = with_server(talk)

    assert lines[-2].startswith(answer)
    assert lines[-1] == b"end OK done"
    assert not caplog.records


@pytest.mark.parametrize("flood", [b"a APPEND INBOX {99999999}\r\n", b"a" * 300_000])
def test_more_than_the_caps_allow_ends_the_session(flood: bytes) -> None:
    assert with_server(lambda server: raw(server.port, flood)).count(b"\r\n") <= 1


def test_a_client_that_leaves_in_the_middle_leaves_nothing_behind(caplog: pytest.LogCaptureFixture) -> None:
    def leave(server: ImapServer) -> None:
        for words in (b"", LOGIN, LOGIN + b"b IDLE\r\n", b"a LOGIN {5}\r\nab"):
            with socket.create_connection((server.host, server.port)) as client:
                client.sendall(words)
        with imap(server):
            pass

    with_server(leave)

    assert not caplog.records
