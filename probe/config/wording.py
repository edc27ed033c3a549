"""What pydantic found, in words for the person who wrote the config."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from probe.config.fields import shown
from probe.config.problems import REFUSAL, Place, quoted

_EXAMPLES = {
    "instance": "a name for this probe, such as instance: probe-a",
    "mailboxes": "mailboxes: and below it one mailbox or more",
    "pools": "pools: and below it one pool or more",
    "routes": "routes: and below it one route or more",
    "address": "the address, such as address: monitor@example.org",
    "host": "the server, such as host: imap.example.org",
    "username": "the account, such as username: monitor@example.org",
    "password": "where the password is kept, such as password: {file: PATH}",
    "oauth2": "how to come by a token, such as oauth2: {token_url: https://login.example.org/token, ...}",
    "token_url": "where tokens are given, such as token_url: https://login.example.org/token",
    "client_id": "the name of this client there, such as client_id: mailflow-probe",
    "pool": "the name of a pool, such as pool: vip",
    "mailbox": "the name of a mailbox, such as mailbox: monitor",
    "from": "the sender, such as from: probe@example.org",
    "webhook": "where to post to, such as webhook: http://127.0.0.1:9093/api/v2/alerts",
    "why": "why, such as why: patching",
    "starts": "when it starts",
    "ends": "when it ends",
    "nameservers": "their addresses, such as nameservers: [127.0.0.1]",
}


def worded(error: ErrorDetails, root: type[BaseModel]) -> tuple[Place, str, str]:
    """Return where an error is, what is wrong and what would be right."""
    # A wrong key of a mapping is reported below a step of its own.
    place = tuple(step for step in error["loc"] if step != "[key]")
    context: Mapping[str, Any] = error.get("ctx", {})
    value = error.get("input")
    match error["type"]:
        case kind if kind == REFUSAL:
            return (*place, *context["at"]), context["wrong"], context["right"]
        case "missing":
            return place, "is missing", f"write {_EXAMPLES.get(str(place[-1]), 'it here')}"
        case "extra_forbidden":
            return place, "is not a known key", _instead(str(place[-1]), keys_of(root, place[:-1]))
        case "bool_type":
            return place, f"{shown(value)} is not true or false", "write true or false"
        case "int_type":
            return place, f"{shown(value)} is not a whole number", "write plain digits, such as 25"
        case "greater_than_equal":
            return place, f"{shown(value)} is too small", f"write {context['ge']} or more"
        case "less_than_equal":
            return place, f"{shown(value)} is too large", f"write {context['le']} or less"
        case "literal_error":
            return place, f"{shown(value)} is not known here", f"write {context['expected'].replace(chr(39), '')}"
        case "model_type" | "dict_type":
            return (
                place,
                f"{_kind(value)} stands where a mapping is needed",
                "write keys and values, such as {key: value}",
            )
        case "list_type":
            return place, f"{_kind(value)} stands where a list is needed", "write [first, second]"
        case "too_short":
            return place, "is empty", "write at least one entry"
    return place, "is not usable here", "see mailflow config-schema for what is"


def keys_of(model: Any, place: Place) -> list[str]:
    """Return the keys that are known at a place of a model."""
    for step in place:
        model = _below(model, step)
    return [field.alias or name for name, field in _fields(model).items()]


def _below(annotation: Any, step: str | int) -> Any:
    for name, field in _fields(annotation).items():
        if step in (name, field.alias):
            return field.annotation
    # The values of dict[Name, Section] and list[Section]; None of `Section | None` has no fields.
    return next((part for part in _parts(annotation) if _fields(part)), None)


def _fields(annotation: Any) -> Mapping[str, Any]:
    for part in _parts(annotation):
        if isinstance(part, type) and issubclass(part, BaseModel):
            return part.model_fields
    return {}


def _parts(annotation: Any) -> Iterator[Any]:
    """Yield an annotation and what it is made of."""
    yield annotation
    for part in get_args(annotation):
        yield from _parts(part)


def _instead(key: str, known: list[str]) -> str:
    near = get_close_matches(key, known, n=1)
    return f"did you mean {quoted(near[0])}?" if near else f"known here are: {', '.join(known)}"


def _kind(value: Any) -> str:
    match value:
        case None:
            return "nothing"
        case str():
            return "text"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case list():
            return "a list"
    return "a mapping"
