"""Ranges, performance data and the one line, as the guidelines of monitoring-plugins have them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.model.plugin import LONGEST_TEXT, Item, Range, Status, harmless, output


@pytest.mark.parametrize(
    "written, quiet, alerting",
    [
        ("10", [0, 10], [-0.001, 10.001]),
        ("10:", [10, 1e9], [9.999, -1]),
        (":10", [0, 10], [-0.001, 10.001]),
        ("~:10", [-1e9, 10], [10.001]),
        ("10:20", [10, 20], [9.999, 20.001]),
        ("@10:20", [9.999, 20.001], [10, 15, 20]),
        ("@10", [-0.001, 10.001], [0, 10]),
        ("@~:10", [10.001], [-1e9, 10]),
        ("-5:-1", [-5, -1], [-5.001, 0]),
        ("0.5:1.25", [0.5, 1.25], [0.499, 1.251]),
        ("~:", [-1e9, 1e9], []),
        ("@:", [-0.001], [0, 1e9]),
    ],
)
def test_a_range_alerts_outside_its_ends_or_with_an_at_inside(
    written: str, quiet: list[float], alerting: list[float]
) -> None:
    limit = Range.parse(written)
    assert [value for value in quiet if limit.alerts(value)] == []
    assert [value for value in alerting if not limit.alerts(value)] == []


@pytest.mark.parametrize(
    "written", ["", "@", "x", "10:~", "1e3", "5,5", "10::20", " 10", "~", "@@1", "nan", "inf", "١"]
)
def test_what_is_no_range_is_refused_with_examples(written: str) -> None:
    with pytest.raises(ValueError, match="is not a range; write 10, 10:, ~:10, 10:20 or @10:20"):
        Range.parse(written)


def test_a_range_that_begins_above_its_end_is_refused() -> None:
    with pytest.raises(ValueError, match="begins above its end"):
        Range.parse("20:10")


@pytest.mark.parametrize(
    "item, written",
    [
        (Item("up", 3, lowest=0, highest=3), "up=3;;;0;3"),
        (Item("delivery", 1.82, "s", Range.parse("30"), Range.parse("@~:120"), lowest=0), "delivery=1.82s;30;@~:120;0"),
        (Item("delivery", None, "s", Range.parse("30")), "delivery=U;30"),
        (Item("evidence_age", 12.0, "s"), "evidence_age=12s"),
        (Item("delivery", 0.0004, "s"), "delivery=0s"),
    ],
)
def test_a_measurement_is_written_without_empty_ends(item: Item, written: str) -> None:
    assert str(item) == written


def test_the_line_has_service_state_text_and_measurements() -> None:
    items = [Item("up", 1), Item("delivery", 2.0, "s")]
    assert output("MAILFLOW", Status.OK, "fine", items=items) == "MAILFLOW OK: fine | up=1 delivery=2s"
    assert output("MAILFLOW", Status.UNKNOWN, "no answer") == "MAILFLOW UNKNOWN: no answer"


def test_further_lines_follow_without_measurements() -> None:
    assert output("M", Status.OK, "fine", items=[Item("up", 1)], further=["a|b", "c"]) == "M OK: fine | up=1\na/b\nc"


@pytest.mark.parametrize(
    "text, shown",
    [
        ("rcpt refused: 550 <a@b>|x", "rcpt refused: 550 (a@b)/x"),
        ("two\nlines\r\nand\ttabs", "two lines and tabs"),
        ("\x1b[31mred\x1b[0m", "[31mred [0m"),
        ("schöne…\u202e", "sch?ne...?"),
    ],
)
def test_nothing_is_left_that_a_parser_trips_over(text: str, shown: str) -> None:
    assert harmless(text) == shown


@given(st.text(max_size=300))
def test_whatever_a_server_says_the_line_stays_one_short_line(text: str) -> None:
    line = output("MAILFLOW", Status.CRITICAL, text, items=[Item("up", 0)])
    told, bar, measured = line.partition(" | ")
    assert (bar, measured) == (" | ", "up=0")
    assert len(told) <= LONGEST_TEXT
    assert told.isascii()
    assert told.isprintable()
    assert not set(told) & set("|<")
