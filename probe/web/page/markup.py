"""How words, moments and durations are written into HTML; whatever comes from outside passes through here."""

from datetime import datetime, timedelta
from html import escape
from urllib.parse import quote, urlencode

from probe.net.text import printable

LONGEST = 400
"""Characters of a sentence that are shown."""


def text(words: str, longest: int = LONGEST) -> str:
    """Write words from anywhere so that they are words and nothing else, in an element or a quoted attribute."""
    return escape(printable(words, longest))


def segment(name: str) -> str:
    """Write a name as one segment of a path, or as a fragment."""
    return escape(quote(name, safe=""))


def probe_link(probe_id: str) -> str:
    """Return where the page of a probe is."""
    return f"/probes/{segment(probe_id)}"


def probes_link(**wanted: str) -> str:
    """Return where the probes of a pool, a member or an outcome are listed."""
    return escape(f"/probes?{urlencode(wanted)}")


def ago(at: datetime, now: datetime) -> str:
    """Write how long ago a moment is; the exact moment is in the element, and the script keeps the words true."""
    return f'<time datetime="{at:%Y-%m-%dT%H:%M:%SZ}" title="{at:%Y-%m-%d %H:%M:%S} UTC">{lasting(now - at)}</time>'


def lasting(duration: timedelta) -> str:
    """Write a duration as people say it: ``34 s``, ``12 min``, ``3 h 20 min``, ``5 days``."""
    seconds = max(int(duration.total_seconds()), 0)
    if seconds < 60:
        return f"{seconds} s"
    minutes = seconds // 60
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes // (24 * 60)} days"


def short(seconds: float) -> str:
    """Write a time that something took."""
    return f"{seconds:.1f} s" if seconds >= 1 else f"{1000 * seconds:.0f} ms"


def counted(number: int, noun: str) -> str:
    """Write a number with its noun: ``1 member``, ``2 members``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
