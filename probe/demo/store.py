"""The mailboxes behind all the servers: accounts, folders and messages, in memory."""

import hmac
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

INBOX = "INBOX"
JUNK = "Junk"
FOLDER_CAP = 20_000


class MailboxFull(Exception):
    """A folder holds as many messages as it may."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it lies in a folder; `raw` has CRLF line ends."""

    uid: int
    received: datetime
    raw: bytes
    flags: frozenset[str] = field(default_factory=frozenset)

    @property
    def header(self) -> bytes:
        """Return the header with the empty line that ends it."""
        return self.raw[: self._body_start]

    @property
    def body(self) -> bytes:
        """Return what follows the header."""
        return self.raw[self._body_start :]

    @property
    def _body_start(self) -> int:
        end = self.raw.find(b"\r\n\r\n")
        return len(self.raw) if end < 0 else end + 4


class Folder:
    """A numbered list of messages that tells its watchers about every change."""

    def __init__(
        self, name: str, *, special_use: str | None = None, uidvalidity: int, now: Callable[[], datetime]
    ) -> None:
        self.name = name
        self.special_use = special_use
        self.uidvalidity = uidvalidity
        self.uidnext = 1
        self._messages: dict[int, Message] = {}
        self._watchers: list[Callable[[], None]] = []
        self._now = now

    @property
    def messages(self) -> list[Message]:
        """Return the messages in ascending order of their UIDs."""
        return list(self._messages.values())

    def find(self, uid: int) -> Message | None:
        """Return the message with `uid`, or None when it is gone."""
        return self._messages.get(uid)

    def append(self, raw: bytes, *, flags: Iterable[str] = (), received: datetime | None = None) -> Message:
        """File a message under the next UID; raise `MailboxFull` over the cap."""
        if len(self._messages) >= FOLDER_CAP:
            raise MailboxFull(self.name)
        message = Message(self.uidnext, received or self._now(), raw, frozenset(flags))
        self._messages[message.uid] = message
        self.uidnext += 1
        self._changed()
        return message

    def set_flags(self, uid: int, flags: Iterable[str]) -> None:
        """Give a message exactly these flags; one that is gone stays gone."""
        if message := self._messages.get(uid):
            self._messages[uid] = replace(message, flags=frozenset(flags))

    def expunge(self, uids: Iterable[int]) -> None:
        """Remove messages for good; their UIDs are never given again."""
        for uid in uids:
            self._messages.pop(uid, None)
        self._changed()

    def renumber(self) -> None:
        """Begin a new UIDVALIDITY, which makes every UID a client remembers worthless."""
        self.uidvalidity += 1
        self._messages = {
            uid: replace(message, uid=uid) for uid, message in enumerate(self._messages.values(), start=1)
        }
        self.uidnext = len(self._messages) + 1
        self._changed()

    @contextmanager
    def watch(self, changed: Callable[[], None]) -> Iterator[None]:
        """Call `changed` after every change while the context lasts."""
        self._watchers.append(changed)
        try:
            yield
        finally:
            self._watchers.remove(changed)

    def _changed(self) -> None:
        for changed in list(self._watchers):
            changed()


@dataclass(slots=True)
class Account:
    """One user with a password and folders; `locked` while a POP3 session holds the maildrop."""

    address: str
    password: str = field(repr=False)
    folders: dict[str, Folder]
    locked: bool = False

    @property
    def inbox(self) -> Folder:
        """Return the folder that mail is delivered into."""
        return self.folders[INBOX]

    def folder(self, name: str) -> Folder | None:
        """Return a folder by name, or None; INBOX is known in any case (RFC 9051 5.1)."""
        return self.folders.get(INBOX if name.upper() == INBOX else name)


class Store:
    """All accounts of the mail system.

    UIDVALIDITY begins at the time of the start: a client never takes the mail of two starts for one.
    """

    def __init__(
        self, *, uidvalidity: int | None = None, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._uidvalidity = int(time.time()) if uidvalidity is None else uidvalidity
        self._now = now
        self._accounts: dict[str, Account] = {}

    def add_account(self, address: str, password: str) -> Account:
        """Open an account with an empty inbox and an empty junk folder."""
        folders = {name: self._folder(name, use) for name, use in ((INBOX, None), (JUNK, "\\Junk"))}
        account = Account(address, password, folders)
        self._accounts[address.lower()] = account
        return account

    def account(self, address: str) -> Account | None:
        """Return the account that mail to `address` belongs to, or None."""
        return self._accounts.get(address.lower())

    def login(self, address: str, password: str) -> Account | None:
        """Return the account if the password is right, else None."""
        account = self.account(address)
        expected = account.password if account else ""
        right = hmac.compare_digest(expected.encode(), password.encode("utf-8", "replace"))
        return account if right else None

    def deliver(self, address: str, raw: bytes, *, folder: str = INBOX) -> None:
        """File a message for `address`; raise `MailboxFull`, or LookupError without such an account."""
        account = self.account(address)
        target = account.folder(folder) if account else None
        if target is None:
            raise LookupError(f"no folder {folder} of {address}")
        target.append(raw)

    def _folder(self, name: str, special_use: str | None) -> Folder:
        return Folder(name, special_use=special_use, uidvalidity=self._uidvalidity, now=self._now)
