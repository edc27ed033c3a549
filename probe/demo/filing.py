"""What becomes of a message that an SMTP member has accepted."""

import asyncio
import contextlib
from datetime import UTC, datetime

from probe.demo.behaviour import Behaviour
from probe.demo.envelope import Envelope, Hop, traced
from probe.demo.store import MailboxFull, Store


async def file(store: Store, raw: bytes, *, envelope: Envelope, hop: Hop, behaviour: Behaviour) -> None:
    """File a message as the behaviour says; one that is discarded leaves no trace."""
    if behaviour.discard:
        return
    content = _corrupted(raw) if behaviour.corrupt_body else raw
    message = traced(content, envelope, hop=hop, at=datetime.now(UTC))
    await asyncio.sleep(behaviour.delivery_delay.total_seconds())
    for recipient in envelope.recipients * behaviour.copies:
        # A mailbox that is full loses its mail: there is no queue here to keep it in.
        with contextlib.suppress(MailboxFull, LookupError):
            store.deliver(recipient, message, folder=behaviour.folder)


def _corrupted(raw: bytes) -> bytes:
    # Lower case only: a tag in capitals survives, so that the message is known again and found altered.
    header, blank, body = raw.partition(b"\r\n\r\n")
    return header + blank + body.replace(b"e", b"3")
