"""TLS as a server speaks it."""

import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from probe.model.settings import ClientAuth, ServerTls, TlsVersion

_VERSIONS = {TlsVersion.TLS12: ssl.TLSVersion.TLSv1_2, TlsVersion.TLS13: ssl.TLSVersion.TLSv1_3}
_VERIFY = {
    ClientAuth.NONE: ssl.CERT_NONE,
    ClientAuth.IF_GIVEN: ssl.CERT_OPTIONAL,
    ClientAuth.REQUIRED: ssl.CERT_REQUIRED,
}


def server_context(tls: ServerTls) -> ssl.SSLContext:
    """Return a context for the server's side; raises ssl.SSLError for what OpenSSL does not take."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version, context.maximum_version = _VERSIONS[tls.oldest], _VERSIONS[tls.newest]
    # A client that asks for a new handshake again and again would have all of the processor.
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    with _named(f"{tls.certificate}\n{tls.key.reveal()}") as path:
        context.load_cert_chain(path, password=_no_password)
    if tls.ciphers:
        context.set_ciphers(":".join(tls.ciphers))
    if tls.curve:
        context.set_ecdh_curve(tls.curve)
    if not tls.prefer_own_ciphers:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    if tls.client_ca:
        context.load_verify_locations(cadata=tls.client_ca)
    context.verify_mode = _VERIFY[tls.client_auth]
    return context


@contextmanager
def _named(text: str) -> Iterator[str]:
    """Give a file name to what OpenSSL reads from files only, and keep it off the disk."""
    descriptor = os.memfd_create("pem")
    try:
        os.write(descriptor, text.encode())
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def _no_password() -> str:
    # Without this OpenSSL would ask for one on the terminal.
    return ""
