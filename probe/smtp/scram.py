"""SCRAM-SHA-256 without I/O (RFC 5802, RFC 7677): each side proves to the other that it knows the password."""

import functools
import hashlib
import hmac
import re
import secrets
import stringprep
import unicodedata
from base64 import b64decode, b64encode

from probe.model.oauth import saslname
from probe.model.secret import Secret

_ITERATIONS = range(4096, 100_001)
"""RFC 7677 4 asks for 4096 or more; what is more than these would hold up every other dialogue."""
_GS2_HEADER = "n,,"
"""No channel binding, and nobody else's account."""


class Untrue(Exception):
    """The server did not keep to the mechanism; the message says what it did: "sent …"."""


class Scram:
    """The client's side: ``first``, then ``final`` with the server's first, then ``verified`` with its final."""

    def __init__(self, username: str, password: Secret, *, nonce: str | None = None) -> None:
        self._password = password
        self._nonce = nonce or b64encode(secrets.token_bytes(18)).decode()
        self._first_bare = f"n={saslname(prepared(username))},r={self._nonce}"
        self._server_signature = b""
        self.first = _GS2_HEADER + self._first_bare

    def final(self, challenge: str) -> str:
        """Return our proof. Raises Untrue for a challenge that is not for us, or asks for too much or too little."""
        fields = _fields(challenge)
        nonce = fields.get("r", "")
        if "m" in fields or not nonce.startswith(self._nonce) or nonce == self._nonce:
            raise Untrue("sent a challenge that does not belong to this login")
        salted = _salted(self._password, _decoded(fields.get("s", "")), _iterations(fields.get("i", "")))
        unproved = f"c={b64encode(_GS2_HEADER.encode()).decode()},r={nonce}"
        signed = f"{self._first_bare},{challenge},{unproved}".encode("utf-8", "surrogateescape")
        self._server_signature = _hmac(_hmac(salted, b"Server Key"), signed)
        client_key = _hmac(salted, b"Client Key")
        signature = _hmac(hashlib.sha256(client_key).digest(), signed)
        proof = bytes(key ^ sign for key, sign in zip(client_key, signature, strict=True))
        return f"{unproved},p={b64encode(proof).decode()}"

    def verified(self, answer: str) -> bool:
        """Tell whether the server proves itself, or speaks of an error. Raises Untrue for a proof that is false."""
        fields = _fields(answer)
        if "e" in fields:  # RFC 5802 7
            return False
        signature = _decoded(fields.get("v", ""))
        if not self._server_signature or not hmac.compare_digest(signature, self._server_signature):
            raise Untrue("did not prove that it knows the password")
        return True


def prepared(text: str) -> str:
    """Return text as SASLprep maps it (RFC 4013 2.1, 2.2), so that both sides hash the same octets."""
    kept = (character for character in text if not stringprep.in_table_b1(character))
    return unicodedata.normalize("NFKC", "".join(" " if stringprep.in_table_c12(each) else each for each in kept))


@functools.lru_cache(maxsize=1024)
def _salted(password: Secret, salt: bytes, iterations: int) -> bytes:
    # Kept: it is made slow on purpose, and a server's salt is the same at every login (RFC 5802 3).
    return hashlib.pbkdf2_hmac("sha256", prepared(password.reveal()).encode(), salt, iterations)


def _iterations(written: str) -> int:
    number = int(written) if re.fullmatch("[0-9]{1,9}", written) else 0
    if number not in _ITERATIONS:
        raise Untrue(f"asks for other than {_ITERATIONS[0]} to {_ITERATIONS[-1]} rounds of hashing")
    return number


def _hmac(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")


def _fields(message: str) -> dict[str, str]:
    pairs = (field.partition("=") for field in message.split(","))
    return {name: value for name, _, value in pairs}


def _decoded(value: str) -> bytes:
    try:
        octets = b64decode(value, validate=True)
    except ValueError:
        octets = b""
    if not octets:
        raise Untrue("sent a challenge that cannot be read")
    return octets
