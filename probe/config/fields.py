"""Words of the config: texts, names, durations, sizes and shares."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any

from pydantic import PlainValidator, WithJsonSchema

from probe.config.document import Ambiguous
from probe.config.problems import quoted, refusal
from probe.model.settings import Share
from probe.net.text import printable

_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}"
_TEXT = r"[^\x00-\x1f\x7f]{1,255}"
_DURATION = r"([0-9]{1,12})(ms|s|m|h|d)"
_SIZE = r"([0-9]{1,12})(B|KiB|MiB)"
_PERCENTAGE = r"([0-9]{1,3}(?:\.[0-9]{1,9})?)%"

_UNITS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}
_LONGEST = timedelta(days=3650)
_OCTETS = {"B": 1, "KiB": 1024, "MiB": 1024 * 1024}
_LARGEST = 32 * 1024 * 1024


def shown(value: Any) -> str:
    """Return a value of the config as a person would name it in a sentence."""
    match value:
        case None:
            return "nothing"
        case str():
            return quoted(value)
        case bool():
            return str(value).lower()
        case int() | float():
            return str(value)
        case list():
            return "a list"
    return "a mapping"


def text(value: Any) -> str:
    """Return a value that is text to every reader of YAML."""
    match value:
        case Ambiguous():
            raise refusal(f"{printable(value, 60)} is not text to every reader of YAML", f"quote it: {quoted(value)}")
        case str():
            return value
        case bool() | int() | float():
            raise refusal(f"{shown(value)} is not text", f'quote it: "{shown(value)}"')
    raise refusal(f"{shown(value)} is not text", "write one line of text")


def matched(value: Any, pattern: str, *, what: str, right: str) -> re.Match[str]:
    """Return how a value matches a pattern, or refuse it as not being ``what``."""
    match = re.fullmatch(pattern, value) if isinstance(value, str) else None
    if match is None:
        raise refusal(f"{shown(value)} is not {what}", right)
    return match


def schema_of(pattern: str, *examples: str) -> WithJsonSchema:
    """Return the JSON Schema of a text that matches a pattern."""
    return WithJsonSchema({"type": "string", "pattern": f"^{pattern}$", "examples": list(examples)})


def name(value: Any) -> str:
    """Return a name such as that of a pool, a member or a route."""
    right = "write letters, digits, . _ and -, at most 63, a letter or digit first"
    return matched(text(value), _NAME, what="a name", right=right).group()


def duration(value: Any) -> timedelta:
    """Return a duration such as 500ms, 30s, 5m, 2h or 5d."""
    if isinstance(value, timedelta):
        return value  # a default, which is checked like what is written
    number, unit = matched(value, _DURATION, what="a duration", right="write 90s or 5m").groups()
    if int(number) > _LONGEST / _UNITS[unit]:
        raise refusal(f"{shown(value)} is too long", "write 3650d at most")
    return int(number) * _UNITS[unit]


def positive_duration(value: Any) -> timedelta:
    """Return a duration that is not 0."""
    length = duration(value)
    if not length:
        raise refusal(f"{shown(value)} is no time at all", "write a duration above 0, such as 5m")
    return length


def size(value: Any) -> int:
    """Return the octets of a size such as 64KiB."""
    number, unit = matched(value, _SIZE, what="a size", right="write 64KiB or 1MiB").groups()
    octets = int(number) * _OCTETS[unit]
    if not 0 < octets <= _LARGEST:
        raise refusal(f"{shown(value)} is out of range", "write 1B to 32MiB")
    return octets


def _interval(value: Any) -> timedelta:
    length = duration(value)
    if length < timedelta(milliseconds=100):
        raise refusal(f"{shown(value)} is too short", "write 100ms or longer")
    return length


def _percentage(value: Any, *, what: str, right: str) -> float:
    percent = Decimal(matched(value, _PERCENTAGE, what=what, right=right).group(1))
    if percent > 100:
        raise refusal(f"{shown(value)} is more than everything", "write 100% or less")
    return float(percent / 100)


def _objective(value: Any) -> float:
    ratio = _percentage(value, what="a percentage", right="write 99.5%")
    if not ratio:
        raise refusal(f"{shown(value)} is no objective", "write a percentage above 0%, such as 99.5%")
    return ratio


def _share(value: Any) -> Share:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return Share(count=value)
    return Share(ratio=_percentage(value, what="a number or a percentage of members", right="write 2 or 50%"))


def _line(value: Any) -> str:
    right = "write 1 to 255 characters, none of them a control character"
    return matched(text(value), _TEXT, what="one line of text", right=right).group()


SIZE_SCHEMA = {"type": "string", "pattern": f"^{_SIZE}$"}
NAME_SCHEMA = {"type": "string", "pattern": f"^{_NAME}$"}
DURATION_SCHEMA = {"type": "string", "pattern": f"^{_DURATION}$", "examples": ["90s", "5m"]}
_DURATION_SCHEMA = WithJsonSchema(DURATION_SCHEMA)

Duration = Annotated[timedelta, PlainValidator(duration), _DURATION_SCHEMA]
PositiveDuration = Annotated[timedelta, PlainValidator(positive_duration), _DURATION_SCHEMA]
Interval = Annotated[timedelta, PlainValidator(_interval), _DURATION_SCHEMA]
Objective = Annotated[float, PlainValidator(_objective), schema_of(_PERCENTAGE, "99.5%")]
MemberShare = Annotated[
    Share,
    PlainValidator(_share),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": f"^{_PERCENTAGE}$"}]}),
]
Name = Annotated[str, PlainValidator(name), WithJsonSchema(NAME_SCHEMA)]
Line = Annotated[str, PlainValidator(_line), WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 255})]
