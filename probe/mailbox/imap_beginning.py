"""Where the first reading of a folder begins: with the mail of the day, and never too far back."""

from datetime import datetime, timedelta

from probe.mailbox.pushclient import PushClient

SEARCHED_UIDS = 5000
"""How far back a first reading goes: the UIDs found must fit on one line."""
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def last_before(client: PushClient, since: datetime, *, last: int) -> int:
    """Return the UID of the last message that lies before all those to be read, or any as good; the newest is given."""
    # SINCE knows no time zones (RFC 9051 6.4.4), so that the day before belongs to it.
    day = since - timedelta(days=1)
    date = f"{day.day}-{_MONTHS[day.month - 1]}-{day.year}"
    found = client.uid("SEARCH", f"UID {max(last - SEARCHED_UIDS, 0) + 1}:* SINCE {date}")
    return min([int(uid) for line in found if line for uid in line.split()], default=last + 1) - 1
