"""Who hung once is waited for less."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from probe.engine import patience
from probe.engine.patience import Patience
from probe.model.reply import Ending
from probe.model.settings import SmtpSettings, Timeouts
from tests.engine.scene import DEADLINE, SECOND, member, settings

INTERVAL = settings().routes["inbound"].interval
SMTP = SmtpSettings(timeouts=Timeouts(total=timedelta(hours=1)))
SHORT, LONG = 0.9 * INTERVAL, DEADLINE - 0.1 * INTERVAL
GONE = Ending.UNREACHABLE


def after(*endings: Ending) -> Patience:
    learned = Patience(settings("mta1", "mta2"))
    for ending in endings:
        learned.learn(member("mta1"), ending)
    return learned


def longest(learned: Patience, name: str = "mta1", smtp: SmtpSettings = SMTP) -> timedelta:
    return learned.applied(smtp, member(name)).timeouts.total


@pytest.mark.parametrize(
    "endings, expected",
    [
        ([], LONG),
        ([GONE], SHORT),
        ([GONE, GONE], SHORT),
        ([GONE, GONE, GONE], LONG),
        ([GONE, Ending.ACCEPTED], LONG),
        ([GONE, Ending.REFUSED], LONG),
        ([GONE, Ending.IN_DOUBT], LONG),
        ([GONE, Ending.NOT_TRIED], SHORT),
        ([GONE, Ending.NAMELESS], SHORT),
    ],
)
def test_only_tries_that_confirm_the_one_before_are_short(endings: Sequence[Ending], expected: timedelta) -> None:
    assert longest(after(*endings)) == expected


def test_others_are_waited_for_as_before() -> None:
    assert longest(after(GONE), "mta2") == LONG


def test_nobody_is_waited_for_longer_than_is_configured() -> None:
    impatient = replace(SMTP, timeouts=Timeouts(total=SECOND))
    assert longest(after(GONE), smtp=impatient) == SECOND


def test_only_so_many_members_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "MOST_MEMBERS", 1)
    learned = after(GONE)
    learned.learn(member("mta2"), GONE)
    assert (longest(learned), longest(learned, "mta2")) == (LONG, SHORT)
