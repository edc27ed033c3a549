"""Translates what sockets and TLS raise into what it says about the server, or about us."""

import errno
import os
import ssl

from probe.net.text import printable


class Lost(Exception):
    """The connection is gone; the message says what the server did: "closed the connection"."""


class Unreached(Exception):
    """No connection came to stand, by fault of the server or of the way to it; the message is the whole reason."""


class OwnFailure(Exception):
    """The probe itself failed, which proves nothing about the server; the message is the whole reason."""


class Insecure(Exception):
    """TLS could not be agreed; the message is the whole reason."""

    def __init__(self, reason: str, *, distrusted: bool = False) -> None:
        super().__init__(reason)
        self.distrusted = distrusted
        """It was the certificate that did not pass."""


_OF_THE_WAY = frozenset(
    {
        errno.ECONNREFUSED,
        errno.ECONNRESET,
        errno.ECONNABORTED,
        errno.EPIPE,
        errno.ETIMEDOUT,
        errno.ENETUNREACH,
        errno.ENETDOWN,
        errno.EHOSTUNREACH,
        errno.EHOSTDOWN,
        errno.EPROTO,
    }
)
_OF_THE_NAME = (62, 64)
"""X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH of OpenSSL."""


def not_connected(error: OSError, *, peer: str, endpoint: str) -> Unreached | OwnFailure:
    """Say why no connection was made; what is not known to come from the server or the way to it is our own."""
    words = _words(error)
    if error.errno in _OF_THE_WAY:
        return Unreached(f"{peer} at {endpoint} cannot be connected to: {words}")
    return OwnFailure(f"no socket for {endpoint} could be made: {words}")


def broken(error: Exception | None) -> Lost:
    """Say how a connection ended."""
    reset = isinstance(error, ConnectionResetError | BrokenPipeError)
    if error is None or reset or isinstance(error, ssl.SSLError):
        return Lost("reset the connection" if reset else "closed the connection")
    return Lost(f"lost the connection ({_words(error)})")


def no_handshake(error: Exception, *, peer: str, name: str) -> Insecure:
    """Say why a TLS handshake failed."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return Insecure(_distrust(error, peer, name), distrusted=True)
    if isinstance(error, ssl.SSLError):
        return Insecure(f"TLS with {peer} failed: {_ssl_words(error)}")
    return Insecure(f"{peer} broke off the TLS handshake: {_words(error)}")


def _distrust(error: ssl.SSLCertVerificationError, peer: str, name: str) -> str:
    if error.verify_code in _OF_THE_NAME:
        return f"the certificate of {peer} is not for {name}"
    return f"the certificate of {peer} is not trusted: {printable(error.verify_message)}"


def _ssl_words(error: ssl.SSLError) -> str:
    return (error.reason or "protocol error").replace("_", " ").lower()


def _words(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno and error.errno > 0:
        return os.strerror(error.errno)
    return printable(str(error)) or type(error).__name__
