"""When windows of maintenance are open: by what clocks show, also when they are set."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from probe.model.maintenance import Window, open_windows
from probe.model.settings import Maintenance, OnceOnly, Weekly

BERLIN = ZoneInfo("Europe/Berlin")
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
TICK = timedelta.resolution
MON, TUE, WED, THU, FRI, SAT, SUN = range(7)
EVERY_DAY = range(7)
SUNDAY = datetime(2026, 11, 22, tzinfo=UTC)


def weekly(
    starts: float, ends: float, *days: int, zone: object = UTC, pool: str = "vip", members: tuple[str, ...] = ()
) -> Maintenance:
    """Plan maintenance from one hour of the day to another."""
    when = Weekly(frozenset(days or EVERY_DAY), starts * HOUR, ends * HOUR, zone)  # type: ignore[arg-type]
    return Maintenance(pool, when, "patching", members)


def window(plan: Maintenance, at: datetime) -> Window | None:
    return open_windows([plan], "vip", ["mta1"], now=at).get("mta1")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}:00+00:00")


@pytest.mark.parametrize(
    "plan, at, is_open",
    [
        (weekly(2, 4, SUN), SUNDAY + 2 * HOUR - TICK, False),
        (weekly(2, 4, SUN), SUNDAY + 2 * HOUR, True),
        (weekly(2, 4, SUN), SUNDAY + 4 * HOUR - TICK, True),
        (weekly(2, 4, SUN), SUNDAY + 4 * HOUR, False),
        (weekly(2, 4, SAT, MON), SUNDAY + 3 * HOUR, False),
        (weekly(2, 4), SUNDAY + 3 * HOUR, True),
        # Over midnight it belongs to the day on which it begins.
        (weekly(23, 1, SAT), SUNDAY - HOUR, True),
        (weekly(23, 1, SAT), SUNDAY + HOUR - TICK, True),
        (weekly(23, 1, SAT), SUNDAY + HOUR, False),
        (weekly(23, 1, SUN), SUNDAY + HOUR - TICK, False),
        (weekly(23, 1, SUN), SUNDAY + 23 * HOUR, True),
        (weekly(0, 24, SUN), SUNDAY, True),
        (weekly(0, 24, SUN), SUNDAY + 24 * HOUR - TICK, True),
        (weekly(0, 24, SUN), SUNDAY + 24 * HOUR, False),
        (weekly(0, 24, SUN), SUNDAY - TICK, False),
        # In Auckland it is Sunday already.
        (weekly(1, 2, SUN, zone=ZoneInfo("Pacific/Auckland")), utc("2026-11-21T12:30"), True),
        (weekly(1, 2, SUN, zone=ZoneInfo("Pacific/Auckland")), utc("2026-11-22T12:30"), False),
    ],
)
def test_a_weekly_window_is_open_on_its_days_from_its_beginning_to_its_end(
    plan: Maintenance, at: datetime, is_open: bool
) -> None:
    assert (window(plan, at) is not None) is is_open


@pytest.mark.parametrize(
    "day, starts, ends, since, until",
    [
        # 25 October 2026 in Berlin: 03:00 CEST becomes 02:00 CET.
        ("2026-10-25", 2, 4, "2026-10-25T00:00", "2026-10-25T03:00"),
        ("2026-10-25", 2.25, 2.75, "2026-10-25T00:15", "2026-10-25T01:45"),
        ("2026-10-25", 1, 2.5, "2026-10-24T23:00", "2026-10-25T01:30"),
        ("2026-10-25", 2.5, 5, "2026-10-25T00:30", "2026-10-25T04:00"),
        ("2026-10-24", 23, 3, "2026-10-24T21:00", "2026-10-25T02:00"),
        ("2026-10-24", 2, 4, "2026-10-24T00:00", "2026-10-24T02:00"),
        ("2026-10-26", 2, 4, "2026-10-26T01:00", "2026-10-26T03:00"),
        # 29 March 2026 in Berlin: 02:00 CET becomes 03:00 CEST.
        ("2026-03-29", 1, 4, "2026-03-29T00:00", "2026-03-29T02:00"),
        ("2026-03-29", 2, 4, "2026-03-29T01:00", "2026-03-29T02:00"),
        ("2026-03-29", 2.25, 2.75, "2026-03-29T01:15", "2026-03-29T01:45"),
        ("2026-03-29", 1, 2.5, "2026-03-29T00:00", "2026-03-29T01:30"),
        ("2026-03-28", 23, 2.5, "2026-03-28T22:00", "2026-03-29T01:30"),
    ],
)
def test_where_clocks_are_set_a_window_lasts_as_they_show(
    day: str, starts: float, ends: float, since: str, until: str
) -> None:
    weekday = datetime.fromisoformat(day).weekday()
    plan = weekly(starts, ends, weekday, zone=BERLIN)
    expected = Window("patching", utc(since), utc(until))
    assert window(plan, utc(since) - TICK) is None
    assert window(plan, utc(since)) == expected
    assert window(plan, utc(until) - TICK) == expected
    assert window(plan, utc(until)) is None


def test_a_window_that_is_open_once_is_open_from_one_moment_to_another() -> None:
    plan = Maintenance("vip", OnceOnly(SUNDAY, SUNDAY + HOUR), "moving")
    assert [window(plan, at) is not None for at in (SUNDAY - TICK, SUNDAY, SUNDAY + HOUR - TICK, SUNDAY + HOUR)] == [
        False,
        True,
        True,
        False,
    ]


def test_a_window_is_for_its_members_or_for_all_of_its_pool() -> None:
    names = ["mta1", "mta2"]
    assert set(open_windows([weekly(0, 24)], "vip", names, now=SUNDAY)) == {"mta1", "mta2"}
    assert set(open_windows([weekly(0, 24, members=("mta2", "gone"))], "vip", names, now=SUNDAY)) == {"mta2"}
    assert open_windows([weekly(0, 24, pool="mx")], "vip", names, now=SUNDAY) == {}


def test_of_several_windows_the_one_that_ends_last_is_told() -> None:
    plans = [weekly(0, 2), weekly(0, 3), weekly(0, 1, members=("mta1",))]
    for order in (plans, plans[::-1]):
        assert open_windows(order, "vip", ["mta1"], now=SUNDAY)["mta1"].until == SUNDAY + 3 * HOUR


@pytest.mark.parametrize(
    "hours, until", [(1, "01:00 UTC"), (24, "2026-11-23 00:00 UTC")], ids=["the same day", "another day"]
)
def test_a_window_is_said_in_words(hours: int, until: str) -> None:
    assert Window("patching", SUNDAY, SUNDAY + hours * HOUR).sentence == f"in maintenance until {until}: patching"


def test_a_day_that_a_zone_left_out_makes_no_trouble() -> None:
    # Samoa had no 30 December 2011: it went over the date line.
    plan = weekly(10, 12, zone=ZoneInfo("Pacific/Apia"))
    opened = {
        found.since
        for hour in range(96)
        if (found := window(plan, utc("2011-12-28T00:00") + hour * HOUR + 30 * MINUTE))
    }
    assert opened <= {utc(f"2011-12-{day}T{hour}:00") for day in (28, 29, 30, 31) for hour in (20, 21)}
