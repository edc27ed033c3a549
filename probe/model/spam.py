"""What a spam filter wrote into the header of a message about why it takes it for spam."""

import re
from collections.abc import Iterator

FIELDS = (
    "X-Spam-Status",
    "X-Spamd-Result",
    "X-Forefront-Antispam-Report",
    "X-MS-Exchange-Organization-SCL",
    "X-Microsoft-Antispam",
    "X-Spam-Flag",
    "X-Spam-Score",
    "X-Spam-Report",
)
"""The fields of SpamAssassin, rspamd and Microsoft, the most telling first."""

LONGEST = 400
"""Characters of each field that are kept."""

_READ = 4096
_FIELD = re.compile(
    rb"^(%s)[ \t]*:(.*(?:\r?\n[ \t].*)*)" % b"|".join(name.encode() for name in FIELDS), re.IGNORECASE | re.MULTILINE
)


def spam_fields(header: bytes) -> tuple[str, ...]:
    """Return what filters wrote, escaped and cut, the most telling field first; of several alike the topmost."""
    topmost: dict[str, str] = {}
    for name, text in _FIELD.findall(header):
        topmost.setdefault(name.decode().lower(), _unfolded(text[:_READ]))
    return tuple(_fields(topmost))


def _fields(topmost: dict[str, str]) -> Iterator[str]:
    for name in FIELDS:
        if text := topmost.get(name.lower()):
            yield f"{name}: {text}"


def _unfolded(raw: bytes) -> str:
    words = " ".join(raw.decode("utf-8", "backslashreplace").split())
    shown = "".join(each if each.isprintable() else ascii(each)[1:-1] for each in words[: LONGEST + 1])
    return shown if len(shown) <= LONGEST else shown[: LONGEST - 1] + "…"
