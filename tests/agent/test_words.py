"""The words that HAProxy is told: only those that it can come back from."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.agent.words import LONGEST, words_for
from probe.model.answer import Answer
from probe.model.outcome import State
from probe.model.verdict import Verdict

NOW = datetime(2026, 11, 26, tzinfo=UTC)


def down(reason: str) -> str:
    return words_for(Answer(Verdict(State.DOWN, reason, NOW), in_service=False))


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize(
    "in_service, unchanged, words", [(True, False, "up"), (True, True, "# unknown"), (False, True, "# unknown")]
)
def test_up_and_no_change_say_nothing_else(state: State, in_service: bool, unchanged: bool, words: str) -> None:
    assert words_for(Answer(Verdict(state, "it was judged", NOW), in_service, unchanged)) == words


@pytest.mark.parametrize(
    "reason, words",
    [
        (
            "3 probes in a row missing: it was accepted, and lost",
            "down #3 probes in a row missing: it was accepted; and lost",
        ),
        ('550 "go" <b>away</b> it\'s', "down #550 go (b)away(/b) its"),
        ("ready\nup\r\nmaint", r"down #ready\nup\r\nmaint"),
        ("\x1b[31mred \u202eübel\u2028\x00", r"down #\x1b[31mred \u202e?bel\u2028\x00"),
        ("", "down #"),
    ],
)
def test_why_is_told_without_what_could_be_misread(reason: str, words: str) -> None:
    assert down(reason) == words


@pytest.mark.parametrize("length", [LONGEST - 7, LONGEST - 6, LONGEST - 5, 5000])
def test_a_long_reason_is_cut_to_the_line(length: int) -> None:
    said = down("x" * length)
    assert said == f"down #{'x' * length}" if length <= LONGEST - 6 else said == f"down #{'x' * (LONGEST - 9)}..."
    assert len(said) <= LONGEST


@given(st.text(max_size=400))
def test_whatever_the_reason_the_line_is_short_and_harmless(reason: str) -> None:
    said = down(reason)
    assert said.startswith("down #")
    assert said.isascii()
    assert said.isprintable()
    assert len(said) <= LONGEST
    assert not set(said) & set(",\"'<>")
