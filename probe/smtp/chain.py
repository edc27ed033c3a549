"""Reads the certificates that a server showed out of a TLS connection, whether they passed or not."""

import _ssl
import ssl

from probe.model.certificate import CHAIN_LIMIT


def chain_of(encrypted: ssl.SSLObject) -> tuple[tuple[bytes, ...], bool]:
    """Return the chain (DER), the server's own first, and whether it is the whole one."""
    if chain := _unverified(encrypted):
        return chain[:CHAIN_LIMIT], True
    own = encrypted.getpeercert(binary_form=True)
    return (own,) if own else (), False


def _unverified(encrypted: ssl.SSLObject) -> tuple[bytes, ...]:
    """Return the whole chain; nothing where this Python does not tell it."""
    if public := getattr(encrypted, "get_unverified_chain", None):  # since Python 3.13
        return tuple(public())
    try:
        certificates = encrypted._sslobj.get_unverified_chain() or ()  # type: ignore[attr-defined]  # not public before
        return tuple(each.public_bytes(_ssl.ENCODING_DER) for each in certificates)
    except AttributeError:
        return ()
