"""When a mailbox is full."""

import pytest

from probe.model.trouble import Quota


@pytest.mark.parametrize(
    "quota, full",
    [
        (Quota("STORAGE", 0, 1000), False),
        (Quota("STORAGE", 936, 1000), False),
        (Quota("STORAGE", 937, 1000), True),
        (Quota("STORAGE", 2000, 1000), True),
        (Quota("MESSAGE", 9, 10), False),
        (Quota("MESSAGE", 10, 10), True),
        (Quota("MESSAGE", 0, 0), True),
    ],
)
def test_a_mailbox_is_full_when_one_more_message_might_not_fit(quota: Quota, full: bool) -> None:
    assert quota.is_full is full


@pytest.mark.parametrize(
    "quota, ratio, words",
    [
        (Quota("STORAGE", 500, 1000), 0.5, "500 of 1000 KiB"),
        (Quota("MESSAGE", 12, 10), 1.2, "12 of 10 messages"),
        (Quota("MESSAGE", 3, 0), 1.0, "3 of 0 messages"),
    ],
)
def test_a_quota_is_a_share_and_can_be_read(quota: Quota, ratio: float, words: str) -> None:
    assert (quota.ratio, str(quota)) == (ratio, words)
