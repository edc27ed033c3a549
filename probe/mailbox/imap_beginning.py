"""Where the first reading of a folder begins: with the mail of the day, and never too far back."""

from datetime import datetime, timedelta

from probe.mailbox.pushclient import PushClient

SEARCHED_UIDS = 5000
"""How far back one search goes: the UIDs found must fit on one line."""
SEARCHES = 40
"""How many there are at most, where probes in flight may have come long before."""
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def last_before(client: PushClient, since: datetime, *, last: int, searches: int) -> int:
    """Return the UID of the last message that lies before all those to be read, or any as good; the newest is given."""
    # SINCE knows no time zones (RFC 9051 6.4.4), so that the day before belongs to it.
    day = since - timedelta(days=1)
    date = f"{day.day}-{_MONTHS[day.month - 1]}-{day.year}"
    lowest = last + 1
    for _ in range(searches):
        first = max(lowest - SEARCHED_UIDS, 1)
        end = "*" if lowest > last else str(lowest - 1)
        found = client.uid("SEARCH", f"UID {first}:{end} SINCE {date}")
        recent = [int(uid) for line in found if line for uid in line.split()]
        if not recent:
            break
        lowest = min(lowest, *recent)
        if lowest == 1:
            break
    return lowest - 1
