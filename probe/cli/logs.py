"""Log lines on standard error: one event, one line, in logfmt or JSON."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

from probe.net.text import printable

_STANDARD = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def start_logging(*, form: str, level: str) -> None:
    """Send all logs to standard error; ``form`` is logfmt or json."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLine() if form == "json" else _LogfmtLine())
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    # It tells of every job twice, at a level that is ours.
    logging.getLogger("apscheduler").setLevel(logging.WARNING)
    # It warns of what it cannot decode, in the server's words; what matters of that reaches us as an error.
    logging.getLogger("imapclient").setLevel(logging.ERROR)


class _LogfmtLine(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return " ".join(f"{key}={_quoted(_word(value))}" for key, value in _fields(record).items())


class _JsonLine(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(_fields(record))


def _fields(record: logging.LogRecord) -> dict[str, str | bool | int | float]:
    at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    fields: dict[str, Any] = {"time": at, "level": record.levelname.lower(), "msg": record.getMessage()}
    fields |= {key: value for key, value in vars(record).items() if key not in _STANDARD and value is not None}
    if record.exc_info:
        fields["error"] = logging.Formatter().formatException(record.exc_info).replace("\n", " | ")
    return {key: _value(value, longest=4000 if key == "error" else 200) for key, value in fields.items()}


def _value(value: Any, *, longest: int) -> str | bool | int | float:
    return value if isinstance(value, bool | int | float) else printable(str(value), longest)


def _word(value: str | bool | int | float) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _quoted(value: str) -> str:
    if value and not any(character in value for character in ' "=\\'):
        return value
    return json.dumps(value, ensure_ascii=False)
