"""When one comes back and another goes in its place: rules as a table of moments."""

from datetime import UTC, datetime, timedelta

import pytest

from probe.agent.handover import Handover

NOW = datetime(2026, 11, 26, tzinfo=UTC)
HEARD_WITHIN = timedelta(seconds=10)
A, B, C, FOREIGN = ("vip", "a"), ("vip", "b"), ("vip", "c"), ("mx", "a")


class Site:
    """A handover with a clock of its own."""

    def __init__(self) -> None:
        self.now = NOW
        self.handover = Handover(lambda: self.now)

    def down(self, member: tuple[str, str], *, most: int = 2, age: timedelta = timedelta(0)) -> bool:
        return self.handover.down(member, self.now - age, most=most, heard_within=HEARD_WITHIN)


@pytest.fixture
def site() -> Site:
    return Site()


def test_as_many_may_go_as_are_expendable_and_others_wait(site: Site) -> None:
    assert [site.down(member) for member in (A, B, C, A, B)] == [True, True, False, True, True]
    assert site.handover.has_out(A)
    assert not site.handover.has_out(C)


def test_members_of_other_pools_do_not_count(site: Site) -> None:
    assert site.down(FOREIGN, most=1)
    assert site.down(A, most=1)


@pytest.mark.parametrize("age, may_go", [(9.9, False), (10.0, True), (-9.9, False), (-10.0, True)])
def test_nobody_waits_longer_than_it_takes_to_be_heard(site: Site, age: float, may_go: bool) -> None:
    site.down(A, most=1)
    assert site.down(B, most=1, age=timedelta(seconds=age)) is may_go


@pytest.mark.parametrize("later, may_go", [(0.0, False), (9.9, False), (10.0, True)])
def test_who_came_back_counts_as_out_until_everybody_has_heard_it(site: Site, later: float, may_go: bool) -> None:
    site.down(A, most=1)
    site.handover.up(A)
    site.now += timedelta(seconds=later)
    assert site.down(B, most=1) is may_go


def test_who_was_up_all_the_time_comes_back_from_nowhere(site: Site) -> None:
    site.handover.up(A)
    assert site.down(B, most=1)


def test_who_came_back_and_goes_again_counts_once(site: Site) -> None:
    site.down(A)
    site.handover.up(A)
    assert site.down(A)
    assert site.down(B)


def test_a_word_is_owed_from_when_one_goes_until_everybody_has_heard_that_it_is_back(site: Site) -> None:
    def owed() -> bool:
        return site.handover.owes_a_word(heard_within=HEARD_WITHIN)

    assert not owed()
    site.down(A)
    assert owed()
    site.handover.up(A)
    site.now += timedelta(seconds=9.9)
    assert owed()
    site.now = NOW + HEARD_WITHIN
    assert not owed()
