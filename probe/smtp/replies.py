"""Reads SMTP replies out of the bytes a server sends, however it splits, swells or garbles them (RFC 5321 4.2)."""

import re

from probe.model.reply import Reply
from probe.net.text import printable

LONGEST_LINE = 2048
"""Octets of one line, its end included: four times what RFC 5321 4.5.3.1.5 allows."""
MOST_LINES = 128
MOST_OCTETS = 512 * 1024
"""What a server may say in one whole session."""

_LINE = re.compile(rb"([2-5][0-9]{2})(?:([ -])(.*))?", re.DOTALL)
_ENHANCED = re.compile(r"([245])\.[0-9]{1,3}\.[0-9]{1,3}(?= |$)")
_SHOWN = 80


class Violation(Exception):
    """The server breaks the protocol; the message says how, as what it did: "sent …", "speaks …"."""


class ReplyParser:
    """Takes bytes in and gives whole replies out, in order."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._received = 0
        self._code = 0
        self._lines: list[str] = []

    def feed(self, octets: bytes) -> None:
        """Take what was received. Raises Violation when the server has said too much in all."""
        self._received += len(octets)
        if self._received > MOST_OCTETS:
            raise Violation(f"sent more than {MOST_OCTETS} octets of replies")
        self._buffer += octets

    def begin_anew(self) -> None:
        """Let the server say as much again as in a first session."""
        self._received = len(self._buffer)

    def next(self) -> Reply | None:
        """Return the next whole reply, if it is there. Raises Violation for what is no reply."""
        while (line := self._line()) is not None:
            if reply := self._joined(line):
                return reply
        return None

    @property
    def unread(self) -> bool:
        """Tell whether the server has said more than was given out as replies."""
        return bool(self._buffer or self._lines)

    def _line(self) -> bytes | None:
        end = self._buffer.find(b"\n", 0, LONGEST_LINE)
        if end < 0:
            if len(self._buffer) >= LONGEST_LINE:
                raise Violation(f"sent a line of more than {LONGEST_LINE} octets")
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        # A lone LF is taken too: the sick server that sends it is still understood by every mail server.
        return line.removesuffix(b"\r")

    def _joined(self, line: bytes) -> Reply | None:
        found = _LINE.fullmatch(line)
        if not found:
            raise Violation(f"speaks no SMTP: {printable(_text(line), _SHOWN)}")
        code = int(found[1])
        if self._lines and code != self._code:
            raise Violation(f"sent the codes {self._code} and {code} in one reply")
        self._code = code
        self._lines.append(_text(found[3] or b""))
        if found[2] != b"-":
            lines, self._lines = self._lines, []
            return _reply(code, lines)
        if len(self._lines) >= MOST_LINES:
            raise Violation(f"sent a reply of more than {MOST_LINES} lines")
        return None


def _text(raw: bytes) -> str:
    text = raw.decode("utf-8", "backslashreplace")
    return text if text.isprintable() else printable(text, longest=16 * len(text))


def _reply(code: int, lines: list[str]) -> Reply:
    # RFC 3463 2: the class repeats the first digit; where it does not, the basic code alone is believed.
    believed = [found for line in lines if (found := _ENHANCED.match(line)) and int(found[1]) == code // 100]
    if not believed:
        return Reply(code, tuple(lines))
    enhanced = believed[0][0]
    return Reply(code, tuple(_without(enhanced, line) for line in lines), enhanced)


def _without(enhanced: str, line: str) -> str:
    return "" if line == enhanced else line.removeprefix(enhanced + " ")
