"""What a message that is pasted belongs to."""

import time
from base64 import encodebytes
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.model import message
from probe.model.pasted import LARGEST, Pasted, by_message_id, read_pasted
from probe.model.settings import TagKey
from tests.bounces.examples import EXAMPLES
from tests.model.build import KEY, probe, route

OURS = message.compose(route(), probe(), KEY).message
HEADER, _, BODY = OURS.partition(b"\r\n\r\n")
ID = probe().id


def read(raw: bytes, *, key: TagKey = KEY, instance: str = "probe-a") -> Pasted:
    return read_pasted(raw, [key], instance=instance)


def quoted(raw: bytes) -> bytes:
    return b"Subject: Fwd: look at this\r\n\r\n" + b"".join(b"> " + line + b"\r\n" for line in raw.split(b"\r\n"))


@pytest.mark.parametrize(
    "raw",
    [OURS, OURS.replace(b"\r\n", b"\n"), b"\n\n" + OURS, HEADER, b"Received: from a by b\r\n" + OURS, OURS + OURS],
)
def test_a_message_or_its_header_is_ours(raw: bytes) -> None:
    said = f"this is a message of the probe {ID}: its tag is signed by our key, for this instance"
    assert read(raw) == Pasted(said, ID)


@pytest.mark.parametrize("raw", [*(each.raw for each in EXAMPLES.values()), quoted(OURS), BODY])
def test_what_quotes_a_message_of_ours_leads_to_its_probe(raw: bytes) -> None:
    told = read(raw)
    assert told.probe_id == ID
    assert told.sentence.startswith("this quotes a message")


def test_a_message_of_another_instance_is_told_by_its_name_in_the_tag() -> None:
    told = read(OURS, instance="probe-b")
    assert told.probe_id == ID
    assert told.sentence.startswith(f"this is a message of another instance: the probe {ID},")


def test_a_forged_tag_leads_to_no_probe() -> None:
    said = f"this is a message with a forged tag: none of our keys signed what names the probe {ID}"
    assert read(OURS, key=TagKey("k2", b"another key of ours!")) == Pasted(said)


def test_a_good_tag_beside_a_forged_one_counts() -> None:
    other = message.compose(route(), replace(probe(), id="b" * 19 + "a"), TagKey("k2", b"somebody else's.")).message
    assert read(OURS + other).probe_id == ID


def test_the_tags_of_several_probes_are_listed() -> None:
    other = replace(probe(), id="b" * 19 + "a")
    told = read(OURS + message.compose(route(), other, KEY).message)
    assert told.probe_id is None
    assert (
        told.sentence == f"this carries the tags of several probes ({ID}, {other.id}); explain each of them by its id"
    )


@pytest.mark.parametrize(
    "raw, probe_id, says",
    [
        (f"Message-ID: <{ID}@lab.test>\nSubject: x\n".encode(), ID, "which proves nothing"),
        (f"Message-ID: <1@a>\n\n> message-id: <{ID.upper()}@lab.test>\n".encode(), ID, "which proves nothing"),
        (b"Message-ID: <42@example.org>\n\nhello\n", None, "this is no message of ours"),
        (b"", None, "this is no message of ours"),
        (b"Mailflow-Probe: " + b"A" * 64, None, "looks like a tag, and is none"),
        (encodebytes(OURS), None, "this is no message of ours"),
    ],
)
def test_without_a_tag_the_message_id_is_asked(raw: bytes, probe_id: str | None, says: str) -> None:
    told = read(raw)
    assert (told.probe_id, says in told.sentence) == (probe_id, True)


@pytest.mark.parametrize(
    "text, probe_id",
    [
        (f"<{ID}@lab.test>", ID),
        (f"{ID.upper()}@lab.test", ID),
        (f" <{ID}@lab.test>\n", ID),
        (f"<{ID[1:]}@lab.test>", None),
        (f"<{ID}a@lab.test>", None),
        (f"<{ID[1:]}1@lab.test>", None),
        (f"<{ID}@>", None),
        (f"{ID}@lab.test and more", None),
        (ID, None),
        ("", None),
    ],
)
def test_a_message_id_of_ours_names_its_probe(text: str, probe_id: str | None) -> None:
    assert by_message_id(text) == probe_id


@given(st.binary(max_size=2000), st.integers(0, len(OURS)), st.integers(0, len(OURS)))
def test_anything_at_all_is_read(noise: bytes, start: int, end: int) -> None:
    told = read(OURS[:start] + noise + OURS[end:])
    assert told.probe_id in (ID, None)
    assert told.sentence.isprintable()


@pytest.mark.parametrize("piece", [b"\n ", b">", b"\r", b"message-id: <a@", b"Mailflow: ", b"=\r\n", b"A" * 64 + b"\n"])
def test_a_large_paste_is_read_at_once_and_only_so_far(piece: bytes) -> None:
    began = time.process_time()
    told = read(piece * (LARGEST // len(piece)) + OURS)
    assert told.probe_id is None
    assert time.process_time() - began < 2
