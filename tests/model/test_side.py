"""Two mailboxes behind the same members show on which side of them mail is lost."""

from datetime import UTC, datetime, timedelta

import pytest

from probe.model.blame import Finished
from probe.model.outcome import Outcome
from probe.model.side import Standing, side

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LOST = (Outcome.MISSING, Outcome.MISSING)


def standing(route: str, mailbox: str, *outcomes: Outcome, at: datetime = NOON) -> Standing:
    return Standing(route, mailbox, [finished(route, number, outcome, at) for number, outcome in enumerate(outcomes)])


def finished(route: str, number: int, outcome: Outcome, at: datetime) -> Finished:
    return Finished(
        f"{route}-{number}",
        "vip",
        f"mta{number}",
        route,
        outcome,
        Outcome.DELIVERED,
        at,
        at + MINUTE,
        MINUTE,
        "so it is",
    )


def test_where_mail_to_another_mailbox_arrives_the_fault_is_with_the_mailbox() -> None:
    others = [standing("second", "box-b", Outcome.DELIVERED, Outcome.JUNKED)]

    assert side(standing("first", "box-a", *LOST), others) == (
        "by way of the same members mail arrives in the mailbox box-b (route second): "
        "look at the mailbox box-a and at the way to it, not at the members"
    )


def test_where_mail_to_no_mailbox_arrives_the_fault_is_with_the_members() -> None:
    others = [standing("second", "box-b", *LOST)]

    assert side(standing("first", "box-a", *LOST), others) == (
        "no mail arrives in any of the mailboxes box-a and box-b: look at the members and at what they share"
    )


@pytest.mark.parametrize(
    "failing, others",
    [
        (standing("first", "box-a", *LOST), []),
        (standing("first", "box-a", *LOST), [standing("second", "box-a", Outcome.DELIVERED)]),
        (standing("first", "box-a", *LOST), [standing("second", "box-b")]),
        (standing("first", "box-a", *LOST), [standing("second", "box-b", Outcome.DELIVERED, Outcome.MISSING)]),
        (
            standing("first", "box-a", *LOST),
            [standing("second", "box-b", Outcome.DELIVERED, at=NOON - timedelta(microseconds=1))],
        ),
        (standing("first", "box-a", Outcome.REJECTED), [standing("second", "box-b", Outcome.DELIVERED)]),
        (standing("first", "box-a"), [standing("second", "box-b", Outcome.DELIVERED)]),
    ],
    ids=[
        "no other route",
        "the same mailbox",
        "nothing known of the other",
        "the other is of two minds",
        "sent before it began",
        "nothing was accepted",
        "nothing known at all",
    ],
)
def test_otherwise_nobody_can_tell(failing: Standing, others: list[Standing]) -> None:
    assert side(failing, others) is None
