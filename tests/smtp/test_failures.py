"""What sockets and TLS raise, and whose fault it is taken for."""

import errno
import ssl

import pytest

from probe.smtp.failures import OwnFailure, Unreached, broken, no_handshake, not_connected


@pytest.mark.parametrize(
    "number, ours",
    [
        (errno.ECONNREFUSED, False),
        (errno.ECONNRESET, False),
        (errno.ETIMEDOUT, False),
        (errno.ENETUNREACH, False),
        (errno.EHOSTUNREACH, False),
        (errno.EADDRNOTAVAIL, True),
        (errno.EADDRINUSE, True),
        (errno.EMFILE, True),
        (errno.ENFILE, True),
        (errno.ENOBUFS, True),
        (errno.EPERM, True),
        (errno.EACCES, True),
        (None, True),
    ],
)
def test_only_what_comes_from_the_server_or_the_way_to_it_speaks_of_the_server(number: int | None, ours: bool) -> None:
    failure = not_connected(OSError(number, "words") if number else OSError("words"), peer="mta1", endpoint="[::1]:25")
    assert isinstance(failure, OwnFailure if ours else Unreached)
    assert "[::1]:25" in str(failure)


@pytest.mark.parametrize(
    "error, how",
    [
        (None, "closed the connection"),
        (ssl.SSLError(1, "bad record"), "closed the connection"),
        (ConnectionResetError(errno.ECONNRESET, "x"), "reset the connection"),
        (BrokenPipeError(errno.EPIPE, "x"), "reset the connection"),
        (TimeoutError(errno.ETIMEDOUT, "x"), "lost the connection (Connection timed out)"),
    ],
)
def test_how_a_connection_ended_is_said_in_words(error: Exception | None, how: str) -> None:
    assert str(broken(error)) == how


def test_a_handshake_that_was_broken_off_is_no_matter_of_trust() -> None:
    failure = no_handshake(ConnectionResetError(errno.ECONNRESET, "x"), peer="mta1", name="mx.test")
    assert str(failure) == "mta1 broke off the TLS handshake: Connection reset by peer"
    assert not failure.distrusted
