"""URLs in the config: of services that the program asks or tells over HTTP."""

import ipaddress
from typing import Any
from urllib.parse import SplitResult, urlsplit

from probe.config.fields import matched, text
from probe.config.problems import refusal


def http_url(value: Any, *, example: str, login: str) -> SplitResult:
    """Return a URL of HTTP or HTTPS; ``login`` says what to write in place of one that stands in it."""
    right = f"write {example}"
    written = matched(text(value), r"[\x21-\x7e]{1,2000}", what="a URL", right=right).group()
    url = _split(written)
    if url is None or url.scheme not in {"https", "http"} or not url.hostname or url.fragment:
        raise refusal("is not a URL of HTTPS or HTTP", right)
    if url.username is not None:
        raise refusal("holds a user name", login)
    return url


def is_in_clear_text(url: SplitResult) -> bool:
    """Tell whether others on the way can read what is sent there."""
    return url.scheme == "http" and not _is_loopback(url.hostname or "")


def _split(url: str) -> SplitResult | None:
    try:
        split = urlsplit(url)
        return split if split.port != 0 else None
    except ValueError:
        return None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False  # a name, localhost too, is whatever a resolver makes of it
