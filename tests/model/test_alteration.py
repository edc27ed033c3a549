import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.model.alteration import Alteration, compare
from probe.model.message import MARKERS, body
from probe.model.mime import Unwrapped
from probe.model.settings import Content, ContentKind
from tests.model.build import KEY, probe, route

SENT = b"""\
Hello,

this is a text of several lines. It is sent
through a mail server, and nobody may change it,
not even a little.

Goodbye
"""


def altered(arrived: bytes, *others: str, whole: bool = True, sent: bytes = SENT) -> Alteration | None:
    return compare(sent, Unwrapped(arrived, others), whole=whole)


def in_words(arrived: bytes, *others: str, sent: bytes = SENT) -> str:
    alteration = altered(arrived, *others, sent=sent)
    assert alteration
    return alteration.text


def damage(old: bytes, new: bytes) -> str:
    assert SENT.count(old) == 1
    alteration = altered(SENT.replace(old, new))
    assert alteration
    assert not alteration.only_added
    return alteration.text


@pytest.mark.parametrize(
    "arrived",
    [
        SENT,
        SENT.replace(b"\n", b"\r\n"),
        SENT.replace(b"\n", b"  \r\n") + b"\r\n\r\n",
        SENT.rstrip(),
        SENT.replace(b"\n", b" \n").replace(b"sent \nthrough a", b"sent through\na"),
        SENT.replace(b" ", b"\n"),
        SENT.replace(b"\nthis", b"\n this"),
    ],
    ids=["same", "line-ends", "trailing-space", "last-line-end", "wrapped-anew", "one-word-a-line", "stuffed"],
)
def test_what_transport_may_do_is_no_alteration(arrived: bytes) -> None:
    assert altered(arrived) is None


@pytest.mark.parametrize(
    "above, below, words",
    [
        (b"", b"\n-- \nA list\nhttp://list.test", '3 lines were added below: "-- A list http://list.test"'),
        (b"", b" scanned\n", '1 line was added below: "scanned"'),
        (b"[External]\n\n", b"", '1 line was added above: "[External]"'),
        (b"[External] ", b"", '1 line was added above: "[External]"'),
        (b"A\n", b"B\n", '1 line was added above: "A", and 1 line was added below: "B"'),
    ],
)
def test_an_addition_around_the_whole_text_is_told_from_damage(above: bytes, below: bytes, words: str) -> None:
    assert altered(above + SENT + below) == Alteration(words, only_added=True)


def test_a_part_beside_the_text_is_an_addition() -> None:
    assert altered(SENT, "text/html") == Alteration('1 part was added beside it: "text/html"', only_added=True)
    assert (
        in_words(SENT + b"x\n", "a/b", "a/b") == '1 line was added below: "x", and 2 parts were added beside it: "a/b"'
    )


@pytest.mark.parametrize(
    "old, new, words",
    [
        (b"nobody", b"nXbody", '1 octet of line 4 differs: "nobody" became "nXbody"'),
        (b"nobody may", b"NOBODY MAY", '9 octets of line 4 differ: "nobody may" became "NOBODY MAY"'),
        (b"nobody", b"everybody", 'line 4 differs: "nobody" became "everybody"'),
        (b"sent\nthrough", b"lost\nin", 'lines 3 to 4 differ: "sent through" became "lost in"'),
        (b", and nobody may change it", b"", '25 octets of line 4 were removed: "and nobody may change it,"'),
        (b"not even a little.\n", b"", 'line 5 was removed: "not even a little."'),
        (b"Hello,\n", b"", 'line 1 was removed: "Hello,"'),
        (b"several lines", b"several 7 lines", '1 octet was added in line 3: "7"'),
        (b"Goodbye", b"G\xc3\xb6\x1b[2J", '6 octets of line 7 differ: "Goodbye" became "G\\xf6\\x1b[2J"'),
    ],
)
def test_damage_is_told_by_its_place_and_its_words(old: bytes, new: bytes, words: str) -> None:
    assert damage(old, new) == words


@pytest.mark.parametrize(
    "length, words",
    [
        (1, "it was cut off after 1 of 136 octets, in line 1"),
        (11, "it was cut off after 13 of 136 octets, in line 3"),
        (len(SENT) - 2, "it was cut off after 133 of 136 octets, in line 7"),
    ],
)
def test_a_text_that_ends_too_early_was_cut_off(length: int, words: str) -> None:
    assert altered(SENT[:length]) == Alteration(words, only_added=False)


@pytest.mark.parametrize("length", [0, 1, 70, len(SENT)])
def test_what_was_not_read_is_not_missed(length: int) -> None:
    assert altered(SENT[:length], whole=False) is None


def test_damage_is_seen_in_what_was_read() -> None:
    assert altered(SENT[:70].replace(b"text", b"test"), whole=False)


def test_an_empty_text_is_told() -> None:
    assert in_words(b" \r\n") == "the body is empty"
    assert in_words(b"", "text/html") == 'there is no plain text in it, but "text/html"'


@pytest.mark.parametrize("kind", [ContentKind.GTUBE, ContentKind.EICAR])
def test_a_filter_that_takes_the_test_string_out_is_told(kind: ContentKind) -> None:
    sent = body(route(Content(kind)), probe(), KEY).encode()
    name = kind.upper()
    arrived = sent.replace(MARKERS[name].encode(), b"")
    assert in_words(arrived, sent=sent) == f"the {name} line was removed"


def test_a_quotation_is_cut() -> None:
    assert len(in_words(SENT + b"x" * 10_000)) < 120
    assert len(in_words(SENT, "x/" + "y" * 10_000)) < 120


@given(st.binary(max_size=300), st.binary(max_size=300), st.booleans())
def test_any_two_texts_are_compared(sent: bytes, arrived: bytes, whole: bool) -> None:
    alteration = compare(sent, Unwrapped(arrived), whole=whole)
    same = sent.split() == arrived.split()
    assert not same or alteration is None
    assert same or not whole or alteration is not None


@pytest.mark.timeout(10)
def test_a_long_text_is_compared_in_bounded_time() -> None:
    sent = SENT * 8000
    assert altered(sent.replace(b"Hello", b"hello"), sent=sent)
    assert altered(b" " * len(sent), sent=sent)
    assert altered(b"a b " * (len(sent) // 4), sent=b"a b " * (len(sent) // 4) + b"c")
