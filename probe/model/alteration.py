"""What became of the text of a message on its way: nothing, an addition, or damage, told in words.

White space and line ends do not count: transport may encode a text anew, wrap it anew and take blanks from its ends.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass

from probe.model.message import MARKERS
from probe.model.mime import Unwrapped

_LONGEST_QUOTE = 60
_BLANK = re.compile(rb"[ \t\r\n\f\v]+")


@dataclass(frozen=True, slots=True)
class Alteration:
    """How a text that arrived is not the one that was sent."""

    text: str
    """In words; what it quotes is cut and escaped."""
    only_added: bool
    """All that was sent is there, and something else beside it, as mailing lists and gateways add it."""


def compare(sent: bytes, arrived: Unwrapped, *, whole: bool) -> Alteration | None:
    """Say how a text was altered, or None where it was not.

    ``whole`` tells whether all that arrived was read; where it was not, what is missing at its end is not missed.
    """
    before, after = _squeezed(sent), _squeezed(arrived.text)
    if before == after or (not whole and before.startswith(after)):
        return _with_parts(arrived.others)
    if not after:
        return Alteration(_nothing_left(arrived.others), only_added=False)
    if added := _additions(before, after, arrived.text):
        return Alteration(", and ".join([*added, *_parts_added(arrived.others)]), only_added=True)
    for name, marker in MARKERS.items():
        if _squeezed(before.replace(marker.encode(), b"")) == after:
            return Alteration(f"the {name} line was removed", only_added=False)
    if before.startswith(after):
        return Alteration(_cut_off(sent, len(after)), only_added=False)
    return Alteration(_damage(sent, before, after), only_added=False)


def _squeezed(text: bytes) -> bytes:
    """Return the words of a text with one space between them: what no transport may change."""
    return _BLANK.sub(b" ", text).strip(b" ")


def _with_parts(others: tuple[str, ...]) -> Alteration | None:
    return Alteration(", and ".join(_parts_added(others)), only_added=True) if others else None


def _parts_added(others: tuple[str, ...]) -> list[str]:
    if not others:
        return []
    kinds = ", ".join(dict.fromkeys(_quoted(kind.encode("ascii", "replace")) for kind in others[:3]))
    return [f"{_counted(len(others), 'part')} added beside it: {kinds}"]


def _nothing_left(others: tuple[str, ...]) -> str:
    if not others:
        return "the body is empty"
    return f"there is no plain text in it, but {_quoted(others[0].encode('ascii', 'replace'))}"


def _additions(before: bytes, after: bytes, arrived: bytes) -> list[str]:
    """Say what stands above and below a text that is there as a whole; nothing where it is not."""
    start = (b" " + after + b" ").find(b" " + before + b" ")
    if start < 0:
        return []
    end = start + len(before)
    starts = [at for _, at in _lines(arrived)]
    above, below = sum(at < start for at in starts), sum(at >= end for at in starts)
    added = (("above", above, after[:start]), ("below", below, after[end:]))
    # What was added to a line of ours is a line, too.
    return [
        f"{_counted(max(lines, 1), 'line')} added {where}: {_quoted(words.strip(b' '))}"
        for where, lines, words in added
        if words
    ]


def _cut_off(sent: bytes, kept: int) -> str:
    lines = _lines(sent)
    number, start = _line_at(lines, kept - 1)
    octets, all_octets = _octets(sent, number - 1) + kept - start, _octets(sent, sent.count(b"\n"))
    return f"it was cut off after {octets:,} of {all_octets:,} octets, in line {number}"


def _damage(sent: bytes, before: bytes, after: bytes) -> str:
    start = _common(before, after)
    end = _common(before[start:][::-1], after[start:][::-1])
    lost, came = before[start : len(before) - end].strip(b" "), after[start : len(after) - end].strip(b" ")
    lines = _lines(sent)
    first, _ = _line_at(lines, start)
    last, _ = _line_at(lines, max(start, len(before) - end - 1))
    where = f"line {first}" if first == last else f"lines {first} to {last}"
    if not came and {start, start + len(lost) + 1} <= {*(at for _, at in lines), len(before) + 1}:
        return f"{where} {'was' if first == last else 'were'} removed: {_quoted(lost)}"
    if not came:
        return f"{_plural(len(lost), 'octet')} of {where} {_were(len(lost))} removed: {_quoted(lost)}"
    if not lost:
        return f"{_plural(len(came), 'octet')} {_were(len(came))} added in {where}: {_quoted(came)}"
    how = f"{where} differ{'s' if first == last else ''}"
    if len(lost) == len(came):
        differ = sum(one != other for one, other in zip(lost, came, strict=True))
        how = f"{_plural(differ, 'octet')} of {where} differ{'s' if differ == 1 else ''}"
    # Whole words are told: a letter alone says nothing.
    left = before.rfind(b" ", 0, start) + 1
    return f"{how}: {_quoted(_to_word_end(before, left, end))} became {_quoted(_to_word_end(after, left, end))}"


def _to_word_end(text: bytes, start: int, end: int) -> bytes:
    stop = text.find(b" ", len(text) - end)
    return text[start : stop if stop >= 0 else len(text)]


def _common(one: bytes, other: bytes) -> int:
    """Return how many octets two texts have in common at their beginning, by halving."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _lines(text: bytes) -> list[tuple[int, int]]:
    """Return the lines of a text that are not blank: their numbers, and where they begin in the squeezed text."""
    lines, at = [], 0
    for number, line in enumerate(text.split(b"\n"), start=1):
        if words := _squeezed(line):
            lines.append((number, at))
            at += len(words) + 1
    return lines or [(1, 0)]


def _line_at(lines: list[tuple[int, int]], at: int) -> tuple[int, int]:
    return lines[max(bisect_right(lines, at, key=lambda line: line[1]) - 1, 0)]


def _octets(text: bytes, lines: int) -> int:
    """Return how long so many lines are on the wire, where they end by CRLF."""
    return sum(len(line.rstrip(b"\r")) + 2 for line in text.split(b"\n")[:lines])


def _quoted(text: bytes) -> str:
    shown = ascii(text[: _LONGEST_QUOTE + 1].decode("utf-8", "replace"))[1:-1]
    return f'"{shown}"' if len(shown) <= _LONGEST_QUOTE else f'"{shown[:_LONGEST_QUOTE]}…"'


def _counted(number: int, what: str) -> str:
    return f"{_plural(number, what)} {_were(number)}"


def _plural(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _were(number: int) -> str:
    return "was" if number == 1 else "were"
