"""YAML as plain values that remember their lines, and take nothing for what it does not look like."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, cast

import yaml

from probe.config.problems import ConfigError, Place, Problem, dotted, quoted

LARGEST = 16 * 1024 * 1024
DEEPEST = 32
MOST_VALUES = 500_000


class Ambiguous(str):
    """A word that YAML 1.1 takes for something else than text, such as ``no``, ``012``, ``1:30`` or a date."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Document:
    """The values of a YAML file, with the lines where they stand and what is wrong with their form."""

    file: str
    value: Any
    lines: dict[Place, int]
    problems: list[Problem] = field(default_factory=list)

    def line(self, place: Place) -> int:
        """Return the line of a value, or of the nearest thing above it that is written down."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)

    def refuse(self, place: Place, wrong: str, right: str, *, line: int | None = None) -> None:
        """Note what is wrong with the value at a place."""
        self.problems.append(Problem(self.file, line or self.line(place), dotted(place), wrong, right))


def read(path: Path, *, needed: str = "instance, mailboxes, pools and routes") -> Document:
    """Return the values of a YAML file. Raises ConfigError when it cannot be read as a mapping.

    ``needed`` names the keys that an empty file lacks.
    """
    file = str(path)
    try:
        root = _compose(_text(path))
    except yaml.MarkedYAMLError as error:
        _fail(file, *_not_yaml(error), line=error.problem_mark.line + 1 if error.problem_mark else 1)
    except _Unreadable as error:
        _fail(file, error.wrong, error.right, line=error.line)
    if root is None:
        _fail(file, "is empty", f"write at least {needed}")
    if not isinstance(root, yaml.MappingNode):
        _fail(file, "is not a mapping", "write keys and values, such as instance: probe-a", line=_line(root))
    return _Reading(file).document(root)


class _Unreadable(Exception):
    """A file that does not even reach the YAML parser."""

    def __init__(self, wrong: str, right: str, *, line: int = 1) -> None:
        self.wrong, self.right, self.line = wrong, right, line


def _fail(file: str, wrong: str, right: str, *, line: int = 1) -> NoReturn:
    raise ConfigError([Problem(file, line, "", wrong, right)]) from None


def _text(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            raw = stream.read(LARGEST + 1)
    except OSError as error:
        raise _Unreadable(f"cannot be read ({error.strerror})", "name a file that this user may read") from error
    except ValueError as error:
        raise _Unreadable("is not the name of a file", "name a file that this user may read") from error
    if len(raw) > LARGEST:
        raise _Unreadable("is too large", f"keep it below {LARGEST // 1024 // 1024} MiB")
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise _Unreadable("is not UTF-8", "save the file in UTF-8", line=line) from error


def _compose(text: str) -> yaml.Node | None:
    try:
        _check_depth(text)
        root: yaml.Node | None = yaml.CSafeLoader(text).get_single_node()
    except yaml.reader.ReaderError as error:
        line = text.encode().count(b"\n", 0, error.position) + 1
        raise _Unreadable("holds a control character", "remove it", line=line) from error
    return root


def _check_depth(text: str) -> None:
    # Before composing: the C composer recurses, and a deep file would overflow its stack.
    depth = 0
    for event in cast(Iterator[Any], yaml.parse(text, Loader=yaml.CSafeLoader)):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEEPEST:
            right = f"keep it within {DEEPEST} levels"
            raise _Unreadable("is nested too deeply", right, line=event.start_mark.line + 1)


_SYNTAX = {
    "mapping values are not allowed in this context": ("has a second colon", "quote the value, or start a new line"),
    "found character that cannot start any token": (
        "has a character that cannot stand here",
        "indent by spaces, not tabs, and quote values that start with @, ` or %",
    ),
    "found undefined alias": ("uses an alias that is defined nowhere", "define it with & before, or quote the value"),
    "but found another document": ("holds a second document", "keep one, without a line of ---"),
    "found unexpected end of stream": ("ends in the middle of a quoted text", "close the quote"),
}


def _not_yaml(error: yaml.MarkedYAMLError) -> tuple[str, str]:
    known = _SYNTAX.get(error.problem or "")
    return known or (f"is not YAML: {error.problem}", "check indentation, colons, brackets and quotes here and above")


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


_TAG = "tag:yaml.org,2002:"
_SCALARS = {f"{_TAG}{kind}" for kind in ("null", "bool", "int", "float", "timestamp", "str", "value", "merge")}
_WHOLE = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})\.[0-9]{1,18}")
_TRUTH = {"true": True, "false": False}


class _Reading:
    """Turns the nodes of one file into values."""

    def __init__(self, file: str) -> None:
        self._found = Document(file, {}, {})
        self._values = 0

    def document(self, root: yaml.MappingNode) -> Document:
        self._found.value.update(self._mapping(root, ()))
        return self._found

    def _value(self, node: yaml.Node, place: Place) -> Any:
        self._values += 1
        if self._values > MOST_VALUES or len(place) > DEEPEST:
            # Few lines can stand for endless values: an alias may hold aliases, and even itself.
            _fail(self._found.file, "unfolds to too many values", "use fewer aliases", line=_line(node))
        self._found.lines.setdefault(place, _line(node))
        match node:
            case yaml.MappingNode(tag="tag:yaml.org,2002:map"):
                return self._mapping(node, place)
            case yaml.SequenceNode(tag="tag:yaml.org,2002:seq"):
                return [self._value(item, (*place, index)) for index, item in enumerate(node.value)]
            case yaml.ScalarNode() if node.tag in _SCALARS:
                return _scalar(node.tag.removeprefix(_TAG), node.value)
        self._found.refuse(place, f"has the tag {quoted(node.tag)}", "leave the tag out")
        return None

    def _mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._found.refuse(place, "has a key that is no text", "write keys as plain words")
            elif key.tag == f"{_TAG}merge":
                self._found.refuse(place, "merges with <<", "write the keys out, or give the whole mapping an alias")
            elif key.value in mapping:
                self._repeated((*place, key.value), key)
            else:
                self._found.lines[*place, key.value] = _line(key)
                mapping[key.value] = self._value(value, (*place, key.value))
        return mapping

    def _repeated(self, place: Place, key: yaml.ScalarNode) -> None:
        wrong = f"is written twice, first on line {self._found.line(place)}"
        self._found.refuse(place, wrong, "keep one of the two", line=_line(key))


def _scalar(tag: str, text: str) -> str | int | float | bool | None:
    match tag:
        case "null":
            return None
        case "bool" if text.lower() in _TRUTH:
            return _TRUTH[text.lower()]
        case "int" if _WHOLE.fullmatch(text):
            return int(text)
        case "float" if _DECIMAL.fullmatch(text):
            return float(text)
        case "bool" | "int" | "float" | "timestamp":
            return Ambiguous(text)
    return text
