"""What is kept of a story that a server makes too long."""

from datetime import timedelta

import pytest

from probe.model.abridging import (
    BEGINNING,
    END,
    FIRST_ATTEMPTS,
    LAST_ATTEMPTS,
    LONGEST_REPLY,
    abridged,
    few,
    is_kept,
)
from probe.model.outcome import Stage
from probe.model.reply import Exchange, Reply

MOMENT = timedelta(milliseconds=5)


def kept(*lines: str) -> tuple[str, ...]:
    [exchange] = abridged([Exchange(Stage.EHLO, "EHLO a", Reply(250, lines, "2.0.0"), MOMENT, MOMENT)])
    assert exchange.reply is not None
    assert (exchange.reply.code, exchange.reply.enhanced_code, exchange.sent) == (250, "2.0.0", "EHLO a")
    return exchange.reply.lines


@pytest.mark.parametrize("lines", [("",), ("a", "", "b"), ("x" * LONGEST_REPLY,), ("x" * (LONGEST_REPLY - 2), "y")])
def test_a_reply_of_bearable_length_is_kept_whole(lines: tuple[str, ...]) -> None:
    assert kept(*lines) == lines


def test_of_a_long_line_its_beginning_and_its_end_are_kept() -> None:
    line = "a" + "b" * (LONGEST_REPLY - 1) + "c"
    assert kept(line) == (line[:BEGINNING], f"[{LONGEST_REPLY + 1 - BEGINNING - END} characters left out]", line[-END:])


def test_of_many_lines_the_first_and_the_last_are_kept() -> None:
    lines = [f"{number:09}" for number in range(200)]
    assert kept(*lines) == (*lines[:100], "[599 characters left out]", *lines[160:])


def test_silence_stays_silence() -> None:
    silence = Exchange(Stage.BODY, ".", None, MOMENT, MOMENT)
    assert abridged([silence]) == (silence,)


@pytest.mark.parametrize(
    "attempts, lost",
    [
        (1, []),
        (FIRST_ATTEMPTS + LAST_ATTEMPTS, []),
        (FIRST_ATTEMPTS + LAST_ATTEMPTS + 1, [FIRST_ATTEMPTS + 1]),
        (100, list(range(FIRST_ATTEMPTS + 1, 101 - LAST_ATTEMPTS))),
    ],
)
def test_of_many_attempts_the_transcripts_in_the_middle_are_lost(attempts: int, lost: list[int]) -> None:
    assert [number for number in range(1, attempts + 1) if not is_kept(number, attempts=attempts)] == lost


@pytest.mark.parametrize(
    "texts, told",
    [((), ()), (("a", "b", "c"), ("a", "b", "c")), (("a", "b", "c", "d"), ("a", "b", "and 2 more"))],
)
def test_of_many_texts_a_few_are_told(texts: tuple[str, ...], told: tuple[str, ...]) -> None:
    assert few(texts, 3) == told
