"""MTA-STS (RFC 8461): what a domain's policy says about the TLS of its exchangers."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from probe.model.certificate import covers

LARGEST_POLICY = 64 * 1024
"""Octets (RFC 8461 3.3)."""
_LONGEST = timedelta(seconds=31557600)
_MOST_PATTERNS = 100
_VERSION = "v=STSv1"
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?"
_PATTERN = re.compile(rf"(?=.{{1,255}}$)(?:\*\.)?(?:{_LABEL}\.)*{_LABEL}")


class StsMode(StrEnum):
    """What senders do where an exchanger fails the policy."""

    ENFORCE = "enforce"
    TESTING = "testing"
    """Deliver anyway, and report."""
    NONE = "none"
    """There is no policy any more."""


@dataclass(frozen=True, slots=True)
class StsPolicy:
    """A policy, as it was fetched."""

    mode: StsMode
    mx: tuple[str, ...]
    """Patterns in lower case; a wildcard stands for one whole label, the left-most."""
    max_age: timedelta

    def names(self, host: str) -> bool:
        """Tell whether an exchanger is one of the policy's."""
        host = host.lower().rstrip(".")
        return any(covers(pattern, host) for pattern in self.mx)


class NoPolicy(ValueError):
    """What should be a record or a policy is none; the message says why."""


def policy_id(records: Iterable[str]) -> str | None:
    """Return the id of the policy that TXT records announce, None where they announce none (RFC 8461 3.1).

    Raises NoPolicy where the announcement is not to be understood.
    """
    announcing = [record for record in records if re.match(rf"{_VERSION}[ \t]*(;|$)", record)]
    if not announcing:
        return None
    if len(announcing) > 1:
        raise NoPolicy(f"there are {len(announcing)} TXT records that begin with {_VERSION}, so that none counts")
    fields = [part.strip(" \t") for part in announcing[0].split(";")]
    ids = [part.removeprefix("id=") for part in fields if part.startswith("id=")]
    if len(ids) != 1 or not re.fullmatch(r"[A-Za-z0-9]{1,32}", ids[0]):
        raise NoPolicy("the TXT record has no id of 1 to 32 letters and digits")
    return ids[0]


def parsed(text: str) -> StsPolicy:
    """Read a policy (RFC 8461 3.2); what is unknown in it is passed over. Raises NoPolicy."""
    fields = [_field(line) for line in re.split(r"\r?\n", text) if line.strip()]
    first: dict[str, str] = {}
    for key, value in fields:
        first.setdefault(key, value)  # RFC 8461 3.2: of a key that is there twice, mx left out, the first counts
    if first.get("version") != "STSv1":
        raise NoPolicy("the policy is not of version STSv1")
    mode = _mode(first.get("mode"))
    patterns = tuple(_pattern(value) for key, value in fields if key == "mx")
    if not patterns and mode is not StsMode.NONE:
        raise NoPolicy("the policy names no mx")
    if len(patterns) > _MOST_PATTERNS:
        raise NoPolicy(f"the policy names more than {_MOST_PATTERNS} mx")
    return StsPolicy(mode, patterns, _max_age(first.get("max_age")))


def _field(line: str) -> tuple[str, str]:
    key, colon, value = line.partition(":")
    if not colon or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}", key.strip(" \t")):
        raise NoPolicy("the policy has a line that is no field")
    return key.strip(" \t"), value.strip(" \t")


def _mode(word: str | None) -> StsMode:
    try:
        return StsMode(word or "")
    except ValueError:
        raise NoPolicy("the policy has no mode that is enforce, testing or none") from None


def _pattern(value: str) -> str:
    pattern = value.lower()
    if not _PATTERN.fullmatch(pattern):
        raise NoPolicy("the policy has an mx that is no host name")
    return pattern


def _max_age(value: str | None) -> timedelta:
    if value is None or not re.fullmatch(r"[0-9]{1,10}", value):
        raise NoPolicy("the policy has no max_age in seconds")
    return min(timedelta(seconds=int(value)), _LONGEST)
