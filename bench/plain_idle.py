"""The reference for detection: a client that does nothing but wait in IDLE, and notes when it is told."""

import re
import threading
import time
from types import TracebackType
from typing import Self

from imapclient import IMAPClient

_ID = re.compile(rb"^Message-ID: <([^@>]+)@", re.IGNORECASE | re.MULTILINE)


class PlainIdle:
    """Wait in IDLE on the inbox while the context lasts; nothing may be deleted from it meanwhile."""

    def __init__(self, client: IMAPClient) -> None:
        self.heard: dict[str, float] = {}
        """By the id in the Message-ID: when the server told of the message, in seconds since 1970."""
        self._client = client
        self._told: list[tuple[int, float]] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="plain IDLE")

    def __enter__(self) -> Self:
        self._client.select_folder("INBOX", readonly=True)
        self._client.idle()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        if error is None:
            self._client.idle_done()
            self.heard = self._by_id()
        self._client.logout()

    def _listen(self) -> None:
        while not self._over.is_set():
            for said in self._client.idle_check(timeout=0.5):
                if said[1:] == (b"EXISTS",):
                    self._told.append((said[0], time.time()))

    def _by_id(self) -> dict[str, float]:
        """Name the messages; nothing was deleted, so that their numbers are those of the arrival."""
        heard: dict[str, float] = {}
        headers = self._client.fetch(self._client.search(), ["BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)]"])
        for data in headers.values():
            found = _ID.search(data[b"BODY[HEADER.FIELDS (MESSAGE-ID)]"])
            at = next((at for count, at in self._told if count >= data[b"SEQ"]), None)
            if found and at is not None:
                heard[found[1].decode()] = at
        return heard
