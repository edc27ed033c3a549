"""Reads bounces, one at a time, away from the event loop and within bounds."""

import asyncio
import logging
from email import message_from_bytes

from probe.bounces import notification, prose
from probe.model.letter import Letter
from probe.model.report import Report

log = logging.getLogger(__name__)

MOST_NESTED = 10
"""How often a message may announce further parts, or a message inside; our own have none."""
WORDS_CAP = 8 * 1024
LONGEST_LINE = 200


class BounceReader:
    """A ReportReader for notifications as RFC 3464 has them, and for bounces in words."""

    async def read(self, letter: Letter) -> Report | None:
        """Say what a mail system tells of a message; None for what cannot be understood."""
        return await asyncio.to_thread(read, letter.header, letter.body)


def read(header: bytes, body: bytes) -> Report | None:
    """Read a bounce from its header and the beginning of its body; never raises."""
    low = (header + body).lower()
    # Before parsing: what is nested deeply takes the parser much time, and more of the stack than there is.
    if low.count(b"boundary") > MOST_NESTED or low.count(b"message/") > MOST_NESTED:
        return None
    try:
        told = notification.read(message_from_bytes(header + body))
        return told or prose.read(message_from_bytes(header + _words(body)))
    except Exception as error:
        # Parsers raise many things for mail that nobody would write, and one such message must not blind the mailbox.
        log.debug("a bounce cannot be parsed", extra={"error": type(error).__name__})
        return None


def _words(body: bytes) -> bytes:
    """Return what stands first, and is written for a person: in more, or in longer lines, patterns take too long."""
    return b"\n".join(line[:LONGEST_LINE] for line in body[:WORDS_CAP].splitlines())
