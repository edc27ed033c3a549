"""Text from outside, made safe to show."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.net.text import LONGEST, printable


@pytest.mark.parametrize(
    "text, shown",
    [
        ("", ""),
        ("250 2.0.0 ok: queued", "250 2.0.0 ok: queued"),
        ("größe 漢字 é", "größe 漢字 é"),
        ("one\r\ntwo", "one\\r\\ntwo"),
        ("tab\there", "tab\\there"),
        ("nul\0", "nul\\x00"),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("\x7f", "\\x7f"),
        ("\x9b31m", "\\x9b31m"),  # the 8-bit CSI
        ("user\u202etxt.exe", "user\\u202etxt.exe"),
        ("\u2066isolated\u2069", "\\u2066isolated\\u2069"),
        ("\u200bzero\ufeffwidth", "\\u200bzero\\ufeffwidth"),
        ("line\u2028separator\u2029", "line\\u2028separator\\u2029"),
        ("no\u00a0break", "no\\xa0break"),
        ("undecodable \udcff", "undecodable \\udcff"),
        ("private \ue000", "private \\ue000"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_what_could_do_more_than_be_read_is_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown


@pytest.mark.parametrize(
    "text, longest, shown",
    [
        ("12345", 5, "12345"),
        ("123456", 5, "1234…"),
        ("1234\n", 5, "1234…"),  # what is escaped counts as long as it is shown
        ("123\n", 5, "123\\n"),
        ("\0\0\0", 5, "\\x00…"),
        ("x", 1, "x"),
        ("xy", 1, "…"),
    ],
)
def test_long_text_is_cut(text: str, longest: int, shown: str) -> None:
    assert printable(text, longest) == shown


def test_the_usual_cut() -> None:
    assert printable("x" * LONGEST) == "x" * LONGEST
    assert printable("x" * (LONGEST + 1)) == "x" * (LONGEST - 1) + "…"


@given(st.text(), st.integers(1, 50))
def test_nothing_but_harmless_characters_comes_out_and_never_too_many(text: str, longest: int) -> None:
    shown = printable(text, longest)
    assert len(shown) <= longest
    assert all(character == " " or unicodedata.category(character)[0] not in "CZ" for character in shown)
