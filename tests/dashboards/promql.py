"""What a query selects, read from its text: enough of PromQL for the rules of the linter."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""
      "[^"]*"                                                                  # text
    | \b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)          # labels
    | \[(?P<window>[^\]]*)\]
    | (?P<name>[a-zA-Z_:][\w:]*) \s* (?P<matchers>\{(?:"[^"]*"|[^}"])*\})?
      (?P<call>\s* (?:(?:by|without)\s*\([^)]*\)\s*)? \()?
    """,
    re.VERBOSE,
)
_WORDS = frozenset({"and", "or", "unless", "bool", "offset", "inf", "nan"})
_MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')


@dataclass(frozen=True, slots=True)
class Selector:
    """One selection of series: of which metric, by which labels, and inside which function."""

    metric: str
    matchers: frozenset[tuple[str, str, str]]
    function: str
    """What takes it as its first argument; empty where nothing does."""

    @property
    def labels(self) -> set[str]:
        """The labels that it selects by."""
        return {label for label, _, _ in self.matchers}


def selectors(query: str) -> Iterator[Selector]:
    """Yield every selection of series in a query."""
    function = ""
    for token in _TOKEN.finditer(query):
        name, called = token["name"], bool(token["call"])
        if name and not called and name not in _WORDS:
            yield Selector(name, frozenset(_MATCHER.findall(token["matchers"] or "")), function)
        function = name if called and not token["matchers"] else ""


def windows(query: str, *functions: str) -> Iterator[str]:
    """Yield the windows that these functions look back over."""
    for call in re.finditer(rf"\b(?:{'|'.join(functions)})\s*\([^\[\]]*\[([^\]]*)\]", query):
        yield call[1]
