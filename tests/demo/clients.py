"""Clients as the tests of the demo use them: in a thread, against servers of the same process."""

import asyncio
import smtplib
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TypeVar

import imapclient
import trustme

from probe.demo.behaviour import Behaviour
from probe.demo.imap import ImapServer
from probe.demo.smtp import SmtpServer
from probe.demo.store import Store

ADDRESS = "monitor@demo.test"
PASSWORD = "demo"
MESSAGE = b"Subject: hello\r\nX-Tag: ABC\r\n\r\n.a leading dot\r\nthe end\r\n"
PATIENCE_SECONDS = 5.0

Result = TypeVar("Result")


def store() -> Store:
    """Return a store with the one account of these tests."""
    opened = Store(uidvalidity=1000)
    opened.add_account(ADDRESS, PASSWORD)
    return opened


def run(test: Callable[[], Awaitable[Result]]) -> Result:
    """Run a test's coroutine under a deadline."""

    async def bounded() -> Result:
        async with asyncio.timeout(20):
            return await test()

    return asyncio.run(bounded())


@contextmanager
def smtp(server: SmtpServer, *, timeout: float = PATIENCE_SECONDS) -> Iterator[smtplib.SMTP]:
    """Connect and hear the banner."""
    client = smtplib.SMTP(server.host, server.port, local_hostname="probe.demo.test", timeout=timeout)
    try:
        yield client
    finally:
        client.close()


def send(server: SmtpServer, *, timeout: float = PATIENCE_SECONDS) -> None:
    """Send the test message."""
    with smtp(server, timeout=timeout) as client:
        client.sendmail("probe@demo.test", [ADDRESS], MESSAGE)
        client.quit()


def sent_to(behaviour: Behaviour, *, timeout: float = PATIENCE_SECONDS) -> tuple[Exception | None, Store]:
    """Send the message to a member of this behaviour: what the client met, and what arrived."""

    async def once() -> tuple[Exception | None, Store]:
        async with SmtpServer(store(), behaviour=behaviour) as server:
            try:
                await asyncio.to_thread(send, server, timeout=timeout)
            except (OSError, smtplib.SMTPException) as error:
                return error, server.store
            return None, server.store

    return run(once)


def raw(port: int, octets: bytes) -> bytes:
    """Send octets as they are, close the sending side, and return all that comes back."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS) as client:
        try:
            client.sendall(octets)
            client.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: client.recv(65536), b""))
        except OSError:  # cut by the server
            return b""


@contextmanager
def imap(server: ImapServer, *, folder: str = "INBOX") -> Iterator[imapclient.IMAPClient]:
    """Log in and select a folder."""
    client = imapclient.IMAPClient(server.host, server.port, ssl=False, timeout=PATIENCE_SECONDS)
    client.normalise_times = False
    try:
        client.login(ADDRESS, PASSWORD)
        client.select_folder(folder)
        yield client
    finally:
        client.shutdown()


@cache
def certificates() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return the TLS contexts of a server and of a client that trusts it."""
    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    return server, client
