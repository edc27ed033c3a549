"""A message that somebody pastes: whether it is one of ours, or speaks of one, and of which probe."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from probe.model import tag
from probe.model.settings import TagKey
from probe.model.tag import Trust

LARGEST = 1024 * 1024
"""Octets that are looked through."""

_MOST_TAGS = 20
_MOST_FIELDS = 100
_END_OF_HEADER = re.compile(rb"\r?\n[ \t]*\r?\n")
_OWN_ID = re.compile(r"[a-z2-7]{20}")
_MESSAGE_ID = re.compile(r"<?([^<>@\s]{1,200})@[^<>@\s]{1,255}>?", re.ASCII)
_MESSAGE_ID_FIELD = re.compile(rb"^[> \t]*message-id:\s{0,4}(<[^<>\s]{1,400}>)", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Pasted:
    """What a message says of itself: in one sentence, and which probe it belongs to, if that can be told."""

    sentence: str
    probe_id: str | None = None


def by_message_id(text: str) -> str | None:
    """Return the probe that a Message-ID of ours names; None for one that is not ours, or was rewritten."""
    found = _MESSAGE_ID.fullmatch(text.strip())
    own = found[1].lower() if found else ""
    return own if _OWN_ID.fullmatch(own) else None


def read_pasted(raw: bytes, keys: Iterable[TagKey], *, instance: str) -> Pasted:
    """Say whose a message is, or just its header, or a bounce or anything else that quotes one of ours.

    A tag is looked for in the field of its own and wherever else it may stand; without one the Message-ID is asked.
    """
    raw = raw[:LARGEST]
    header = _END_OF_HEADER.split(raw.lstrip(), maxsplit=1)[0]
    in_header = tag.written_in_header(header)
    written = in_header | tag.written_in_report(raw)
    if not written:
        return _without_tag(raw)
    trusted: dict[Trust, set[str]] = {trust: set() for trust in Trust}
    for text in islice(sorted(written), _MOST_TAGS):
        try:
            trust, found = tag.verify(text, keys, instance=instance)
        except ValueError:
            continue
        trusted[trust].add(found.probe_id)
    return _judged(trusted, own=bool(in_header))


def _judged(trusted: dict[Trust, set[str]], *, own: bool) -> Pasted:
    what = "this is a message" if own else "this quotes a message, or is one whose own field was removed,"
    genuine, others, forged = (sorted(trusted[trust]) for trust in Trust)
    if len(genuine) + len(others) > 1:
        ids = ", ".join((*genuine, *others))
        return Pasted(f"this carries the tags of several probes ({ids}); explain each of them by its id")
    if genuine:
        return Pasted(f"{what} of the probe {genuine[0]}: its tag is signed by our key, for this instance", genuine[0])
    if others:
        return Pasted(f"{what} of another instance: the probe {others[0]}, signed by a key that it shares", others[0])
    if forged:
        return Pasted(f"{what} with a forged tag: none of our keys signed what names the probe {forged[0]}")
    return Pasted("this has something in it that looks like a tag, and is none")


def _without_tag(raw: bytes) -> Pasted:
    fields = islice(_MESSAGE_ID_FIELD.finditer(raw), _MOST_FIELDS)
    named = (by_message_id(field[1].decode("ascii", "replace")) for field in fields)
    probe_id = next((each for each in named if each), None)
    if probe_id is None:
        return Pasted("this is no message of ours: there is no tag in it, and no Message-ID that we give")
    return Pasted(f"there is no tag in this; its Message-ID names the probe {probe_id}, which proves nothing", probe_id)
