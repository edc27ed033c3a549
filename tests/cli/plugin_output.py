"""Reads what a monitoring plug-in prints as strictly as its guidelines allow."""

import re
from dataclasses import dataclass

_LINE = re.compile(
    r"(?P<service>[A-Z]+) (?P<status>OK|WARNING|CRITICAL|UNKNOWN): (?P<text>[^|]+?)( \| (?P<measured>[^|]+))?"
)
_NUMBER = r"-?[0-9]+(?:\.[0-9]+)?"
_RANGE = rf"@?(?:(?:{_NUMBER}|~)?:)?(?:{_NUMBER})?"
_ITEM = re.compile(
    rf"(?P<label>'[^=']+'|[^=' ]+)=(?P<value>{_NUMBER}|U)(?P<unit>s|us|ms|%|B|KB|MB|TB|c)?"
    rf"(?:;(?P<warn>{_RANGE}))?(?:;(?P<crit>{_RANGE}))?(?:;(?P<min>{_NUMBER})?)?(?:;(?P<max>{_NUMBER})?)?"
)
_CODES = ["OK", "WARNING", "CRITICAL", "UNKNOWN"]


@dataclass(frozen=True, slots=True)
class Output:
    """What was printed, taken apart."""

    code: int
    """The exit code that its first word stands for."""
    text: str
    measured: dict[str, str]
    """Values with their units, by label."""
    further: tuple[str, ...]


def read(printed: str) -> Output:
    """Take apart what was printed; fail where it is not of the form."""
    assert printed.endswith("\n")
    first, *further = printed[:-1].split("\n")
    line = _LINE.fullmatch(first)
    assert line, f"not a line of a plug-in: {first!r}"
    assert len(first.partition(" | ")[0]) <= 80
    assert "<" not in printed
    assert not any("|" in each for each in further)
    items = [_ITEM.fullmatch(item) for item in (line["measured"] or "").split()]
    assert all(items), f"not performance data: {line['measured']!r}"
    measured = {item["label"].strip("'"): f"{item['value']}{item['unit'] or ''}" for item in items if item}
    return Output(_CODES.index(line["status"]), line["text"], measured, tuple(further))
