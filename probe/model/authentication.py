"""What the receiving side found out about SPF, DKIM and DMARC (RFC 8601), by the one server whose word is trusted."""

import re
from collections.abc import Iterator

from probe.model.comments import without_comments

METHODS = ("spf", "dkim", "dmarc")
RESULTS = frozenset({"pass", "fail", "softfail", "neutral", "none", "policy", "temperror", "permerror"})

MOST = 100
"""Fields that are read, Received lines among them."""

_LONGEST = 4096
_FIELD = re.compile(rb"^(authentication-results|received):(.*(?:\r?\n[ \t].*)*)", re.IGNORECASE | re.MULTILINE)
_SERVER = re.compile(r"\s*\"?([A-Za-z0-9._-]{1,255})\"?(?:\s+\d+)?\s*")
_RESULT = re.compile(r"\s*([a-z]+)(?:\s*/\s*\d+)?\s*=\s*([a-z]+)\b", re.IGNORECASE)


def verdicts(header: bytes, *, authserv_id: str) -> tuple[tuple[str, str], ...]:
    """Return the result of each method that the trusted server tells of, the topmost field first.

    Anybody can write such a field, and any name into it: what others say is not heard, nor what stands below the
    Received line of the server that wrote the topmost one (RFC 8601 5, 7.1). Of several signatures a good one counts.
    """
    told: dict[str, str] = {}
    for field in _trusted(header, authserv_id):
        here: dict[str, str] = {}
        for method, result in field:
            if here.get(method) != "pass":
                here[method] = result
        told = here | told
    return tuple((method, told[method]) for method in METHODS if method in told)


def _trusted(header: bytes, authserv_id: str) -> Iterator[list[tuple[str, str]]]:
    heard = False
    for name, text in _FIELD.findall(header)[:MOST]:
        if name.lower() == b"received":
            if heard:
                return
            continue
        server, *rest = without_comments(text.decode("ascii", "replace")[:_LONGEST]).split(";")
        named = _SERVER.fullmatch(server)
        if named and named[1].lower() == authserv_id.lower():
            heard = True
            yield list(_results(rest))


def _results(rest: list[str]) -> Iterator[tuple[str, str]]:
    for each in rest:
        if found := _RESULT.match(each):
            method, result = found[1].lower(), found[2].lower()
            if method in METHODS and result in RESULTS:
                yield method, result
