"""What a plug-in makes of how things stand."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from probe.model.outcome import Outcome, State
from probe.model.plugin import Range, Status
from probe.model.standing import (
    FaultStanding,
    MailboxStanding,
    MemberStanding,
    PathStanding,
    PoolStanding,
    Standing,
    Thresholds,
    age,
    conclusion,
    member_lines,
)

DELIVERED = PathStanding("inbound", Outcome.DELIVERED, True, 1.82)
JUNKED = PathStanding("inbound", Outcome.JUNKED, False, None)
MISSING = PathStanding("inbound", Outcome.MISSING, False, None)
NONE_YET = PathStanding("inbound", None, False, None)
FAULT = FaultStanding("inbound", "it is lost behind them")
READABLE = MailboxStanding("monitor", True, 3)
NONE = Thresholds()


def member(name: str = "mta1", verdict: State = State.UP, **changes: Any) -> MemberStanding:
    made = MemberStanding(f"vip/{name}", verdict, "so it is", evidence_age_seconds=12, paths=(DELIVERED,))
    return replace(made, **changes)


def standing(
    *members: MemberStanding, faults: Sequence[FaultStanding] = (), mailbox: MailboxStanding = READABLE
) -> Standing:
    return Standing((PoolStanding("vip", members, ("monitor",), tuple(faults)),), (mailbox,))


def test_when_all_is_in_order_the_numbers_are_told() -> None:
    told = standing(member("mta1"), member("mta2"), member("mta3"))
    assert conclusion(told, NONE) == (Status.OK, "vip 3/3 up, 3/3 as expected")


def test_of_many_pools_only_the_sum_is_told() -> None:
    pools = tuple(PoolStanding(f"vip{number}", (member(),)) for number in range(3))
    assert conclusion(Standing(pools), NONE) == (Status.OK, "3 pools, 3/3 up, 3/3 as expected")


@pytest.mark.parametrize(
    "changes, status, text",
    [
        ({"verdict": State.DOWN}, Status.CRITICAL, "vip/mta1 down: so it is"),
        ({"verdict": State.UNKNOWN}, Status.UNKNOWN, "vip/mta1 unknown: so it is"),
        ({"guarded": True}, Status.WARNING, "vip/mta1 kept up: so it is"),
        ({"paths": (JUNKED,)}, Status.WARNING, "vip/mta1 junked on inbound"),
        ({"paths": (replace(JUNKED, as_expected=True),)}, Status.OK, "vip 1/1 up, 1/1 as expected"),
        ({"paths": (MISSING,)}, Status.OK, "vip 1/1 up, 0/1 as expected"),  # the verdict decides when that is too much
        ({"paths": (NONE_YET,)}, Status.OK, "vip 1/1 up, 0/0 as expected"),
        ({"held": True, "verdict": State.DOWN}, Status.WARNING, "vip/mta1 so it is"),
        ({"held": True}, Status.WARNING, "vip/mta1 so it is"),
        ({"in_maintenance": True}, Status.OK, "vip 1/1 up, 1/1 as expected; vip/mta1 so it is"),
        (
            {"in_maintenance": True, "verdict": State.DOWN, "paths": (JUNKED,)},
            Status.OK,
            "vip 0/1 up, 0/1 as expected; vip/mta1 so it is",
        ),
    ],
)
def test_one_member(changes: dict[str, Any], status: Status, text: str) -> None:
    assert conclusion(standing(member(**changes)), NONE) == (status, text)


@pytest.mark.parametrize(
    "mailbox, status, text",
    [
        (MailboxStanding("monitor", False, 242), Status.UNKNOWN, "mailbox monitor unreadable for 4 min"),
        (MailboxStanding("monitor", False), Status.UNKNOWN, "mailbox monitor has not been readable yet"),
        (MailboxStanding("monitor", None), Status.UNKNOWN, "mailbox monitor has not been tried yet"),
        (MailboxStanding("other", False, 242), Status.OK, "vip 1/1 up, 1/1 as expected"),
    ],
)
def test_a_mailbox_that_cannot_be_read_leaves_nobody_who_can_tell(
    mailbox: MailboxStanding, status: Status, text: str
) -> None:
    assert conclusion(standing(member(), mailbox=mailbox), NONE) == (status, text)


def test_what_all_members_share_is_a_warning_that_says_where_to_look() -> None:
    told = "vip: inbound works by way of no member: it is lost behind them"
    assert conclusion(standing(member(), faults=[FAULT]), NONE) == (Status.WARNING, told)


def test_what_all_members_share_is_no_news_while_all_are_under_maintenance() -> None:
    resting = member(in_maintenance=True)
    assert conclusion(standing(resting, faults=[FAULT]), NONE)[0] is Status.OK
    assert conclusion(standing(resting, member("mta2"), faults=[FAULT]), NONE)[0] is Status.WARNING


def test_a_pool_without_members_is_unknown() -> None:
    assert conclusion(standing(), NONE) == (Status.UNKNOWN, "vip has no member that is known")


@pytest.mark.parametrize(
    "warning, critical, status",
    [
        ("1.82", "1.82", Status.OK),
        ("1.81", None, Status.WARNING),
        ("1.81", "1.82", Status.WARNING),
        ("1.81", "1.81", Status.CRITICAL),
        (None, "1.81", Status.CRITICAL),
        ("@1:2", None, Status.WARNING),
        ("2:", None, Status.WARNING),
    ],
)
def test_a_delivery_time_is_held_against_both_thresholds(
    warning: str | None, critical: str | None, status: Status
) -> None:
    thresholds = Thresholds(warning and Range.parse(warning), critical and Range.parse(critical))  # type: ignore[arg-type]
    told, text = conclusion(standing(member()), thresholds)
    assert told is status
    assert ("delivered after 1.820 s on inbound" in text) is (status is not Status.OK)


def test_the_worst_is_told_first_with_the_number_of_the_others() -> None:
    told = standing(
        member("mta1", guarded=True),
        member("mta2", State.UNKNOWN),
        member("mta3", State.DOWN),
        member("mta4", in_maintenance=True),
    )
    assert conclusion(told, NONE) == (Status.CRITICAL, "vip/mta3 down (and 2 more): so it is")


def test_not_to_know_is_worse_than_a_warning() -> None:
    told = standing(member("mta1", guarded=True), member("mta2", State.UNKNOWN))
    assert conclusion(told, NONE)[0] is Status.UNKNOWN


def test_measurements_are_of_all_members_the_worst_of_each() -> None:
    slow = replace(DELIVERED, delivery_seconds=40.0)
    told = standing(member("mta1"), member("mta2", State.DOWN, paths=(slow, MISSING), evidence_age_seconds=5))
    thresholds = Thresholds(Range.parse("30"), Range.parse("120"))
    assert [str(item) for item in told.items(thresholds)] == [
        "up=1;;;0;2",
        "delivery=40s;30;120;0",
        "evidence_age=12s;;;0",
    ]


def test_what_nobody_knows_is_not_determined() -> None:
    told = standing(member(paths=(NONE_YET,), evidence_age_seconds=None))
    assert [str(item) for item in told.items(NONE)] == ["up=1;;;0;1", "delivery=U;;;0", "evidence_age=U;;;0"]


def test_every_member_has_its_line() -> None:
    other = replace(MISSING, route="second")
    told = standing(member("mta1", paths=(DELIVERED, other)), member("mta2", State.UNKNOWN, paths=(NONE_YET,)))
    assert list(member_lines(told)) == [
        "vip/mta1 up: so it is [inbound: delivered after 1.820 s, second: missing]",
        "vip/mta2 unknown: so it is [inbound: none finished]",
    ]


@pytest.mark.parametrize(
    "seconds, written",
    [(-1, "0 s"), (59, "59 s"), (60, "1 min"), (3599, "59 min"), (3600, "1 h"), (86399, "23 h"), (86400, "1 d")],
)
def test_an_age_is_told_roughly(seconds: float, written: str) -> None:
    assert age(seconds) == written
