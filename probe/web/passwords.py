"""Passwords held against bcrypt hashes: dear by design, so never on the event loop and never twice."""

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import bcrypt

MOST_WAITING = 8
"""So many different logins are checked or wait; whoever comes with another one then is told to come again."""
MOST_REMEMBERED = 256
_LONGEST_PASSWORD = 72
"""bcrypt has never looked at more octets."""


class TooMany(Exception):
    """More logins than can be checked wait already."""


class Passwords:
    """Tell right from wrong, one at a time; what has been checked is remembered by a digest, never as it is."""

    def __init__(self, users: Mapping[str, str]) -> None:
        self._hashes = {name: hash_.encode() for name, hash_ in users.items()}
        self._salt = secrets.token_bytes(32)
        self._right: dict[bytes, None] = {}
        self._wrong: dict[bytes, None] = {}
        self._checks: dict[bytes, asyncio.Future[bool]] = {}
        # One thread: a flood of wrong passwords may cost one core, and the mail has the others.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="passwords")

    @property
    def needed(self) -> bool:
        """Tell whether anybody is asked for a password."""
        return bool(self._hashes)

    async def right(self, name: str, password: bytes) -> bool:
        """Tell whether that is the password of that user. Raises TooMany."""
        digest = self._digest(name.encode(), password)
        if digest in self._right or digest in self._wrong:
            return digest in self._right
        check = self._checks.get(digest)
        if check is None:
            if len(self._checks) >= MOST_WAITING:
                raise TooMany
            check = self._checks[digest] = asyncio.ensure_future(self._check(digest, name, password))
        return await asyncio.shield(check)

    async def _check(self, digest: bytes, name: str, password: bytes) -> bool:
        try:
            loop, hash_ = asyncio.get_running_loop(), self._hash(name)
            same = await loop.run_in_executor(self._thread, _matches, password, hash_)
        finally:
            del self._checks[digest]
        right = same and name in self._hashes
        _remember(digest, self._right if right else self._wrong)
        return right

    def _hash(self, name: str) -> bytes:
        """Return the hash of a user; for an unknown one that of another, so that both take equally long."""
        if name in self._hashes:
            return self._hashes[name]
        others = sorted(self._hashes.values())
        return others[int.from_bytes(self._digest(name.encode(), b"")) % len(others)]

    def _digest(self, name: bytes, password: bytes) -> bytes:
        return hmac.digest(self._salt, hashlib.sha256(name).digest() + password, "sha256")


def _matches(password: bytes, hash_: bytes) -> bool:
    return bcrypt.checkpw(password[:_LONGEST_PASSWORD], hash_)


def _remember(digest: bytes, known: dict[bytes, None]) -> None:
    known[digest] = None
    if len(known) > MOST_REMEMBERED:
        del known[next(iter(known))]
