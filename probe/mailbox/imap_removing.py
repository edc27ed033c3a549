"""Deleting over IMAP: by UID, each message verified again in the same session, and nobody else's with it."""

import logging
from collections.abc import Iterator, Mapping, Sequence

from probe.mailbox.fetched import fetched
from probe.mailbox.imap_bodies import beginnings, listed
from probe.mailbox.pushclient import PushClient
from probe.mailbox.recognition import HEADER_CAP, proving_octets
from probe.model.letter import Place
from probe.ports import Verifier

log = logging.getLogger(__name__)

BATCH = 250
"""Messages whose headers are verified in one FETCH."""
_HEADER = f"(UID RFC822.SIZE BODY.PEEK[HEADER]<0.{HEADER_CAP}>)"


class Remover:
    """Delete messages from the folder that is selected; says once where a server leaves them flagged."""

    def __init__(self, client: PushClient, server: str) -> None:
        self._client = client
        self._server = server
        self._said = False

    def remove(self, present: Mapping[int, Place], ours: Verifier) -> list[Place]:
        """Delete what is still ours of the messages with these UIDs; return those gone."""
        return [present[uid] for batch in _batches(sorted(present)) for uid in self._remove_batch(batch, present, ours)]

    def may_not_write(self) -> None:
        """Take note that the folder can be read only."""
        self._say_once("mailbox server lets nothing be deleted from the folder: messages stay")

    def _remove_batch(self, batch: Sequence[int], present: Mapping[int, Place], ours: Verifier) -> list[int]:
        answer = self._client.uid("FETCH", listed(batch), _HEADER)
        found = {each.uid: each for each in fetched(answer, b"BODY[HEADER") if each.uid in batch}
        proving = {uid: proving_octets(each.part, size=each.size) for uid, each in found.items()}
        bodies = beginnings(self._client, proving)
        doomed = [uid for uid, each in found.items() if ours(present[uid], each.part, bodies.get(uid, b""))]
        if doomed:
            self._client.uid("STORE", listed(doomed), r"+FLAGS.SILENT (\Deleted)")
            self._expunge(doomed)
        return [uid for uid in batch if uid not in found or uid in doomed]

    def _expunge(self, doomed: list[int]) -> None:
        if self._client.has_capability("UIDPLUS") or self._client.has_capability("IMAP4REV2"):
            self._client.uid("EXPUNGE", listed(doomed))
        else:
            self._say_once("mailbox server cannot expunge by UID: messages stay, flagged as deleted")

    def _say_once(self, what: str) -> None:
        if not self._said:
            self._said = True
            log.warning(what, extra={"server": self._server})


def _batches(uids: list[int]) -> Iterator[list[int]]:
    return (uids[start : start + BATCH] for start in range(0, len(uids), BATCH))
