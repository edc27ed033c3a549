"""Asks a token endpoint once (RFC 6749 4.4, 6): one request, bounded in time and size, and its answer understood."""

import json
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from http.client import HTTPException
from typing import Any
from urllib.parse import quote_plus, urlencode

from probe.model.oauth import Grant
from probe.model.secret import Secret
from probe.net.http import Request, Response, ask_once
from probe.net.text import printable
from probe.net.tls import client_context
from probe.ports import TokenTrouble

_LARGEST = 64 * 1024
_LIFETIME = timedelta(minutes=5)
"""Of a token whose endpoint does not say how long it lives; RFC 6749 5.1 lets it."""
_LONGEST_LIFETIME = timedelta(days=365)
_TOKEN = re.compile(r"[\x21-\x7e]{1,8192}")
"""Fits, encoded, into the longest answer to a challenge of AUTH (RFC 4954 4)."""


@dataclass(frozen=True, slots=True)
class Granted:
    """What an endpoint gave."""

    token: Secret
    lifetime: timedelta
    refresh_token: Secret | None = None
    """The one to be used from now on, if it was exchanged."""


def ask(grant: Grant, *, seconds: float) -> Granted:
    """Ask for a token, and return it within so many seconds. Raises TokenTrouble."""
    try:
        answer = _posted(grant, urlencode(_form(grant)).encode(), seconds=seconds)
    except TimeoutError as exc:
        raise TokenTrouble(f"{grant.token_url} did not answer in time") from exc
    except ssl.SSLCertVerificationError as exc:
        said = printable(exc.verify_message)
        raise TokenTrouble(f"{grant.token_url} shows a certificate that is not accepted: {said}") from exc
    except (OSError, HTTPException, ValueError) as exc:
        words = exc.strerror if isinstance(exc, OSError) else None
        raise TokenTrouble(f"{grant.token_url} cannot be asked: {words or type(exc).__name__}") from None
    if len(answer.body) > _LARGEST:
        raise TokenTrouble(f"{grant.token_url} sent more than a token")
    fields = _mapping(answer.body)
    if answer.status != 200:
        raise TokenTrouble(f"{grant.token_url} refused a token: {_refusal(answer.status, fields, grant)}")
    return _granted(fields, grant)


def _form(grant: Grant) -> Mapping[str, str]:
    """Return what is sent; the secret in the body, as Google and Microsoft have it (RFC 6749 2.3.1)."""
    secret, refresh = grant.client_secret, grant.refresh_token
    fields = {
        "grant_type": "refresh_token" if refresh else "client_credentials",
        "client_id": grant.client_id,
        "client_secret": secret.reveal() if secret else None,
        "refresh_token": refresh.reveal() if refresh else None,
        "scope": grant.scope,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _posted(grant: Grant, form: bytes, *, seconds: float) -> Response:
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    request = Request.posting(grant.token_url, form, headers)
    encrypted = grant.token_url.startswith("https:")
    context = client_context(verify=True, ca_file=grant.ca_file) if encrypted else None
    return ask_once(request, context=context, seconds=seconds, largest=_LARGEST)


def _mapping(body: bytes) -> Mapping[str, Any]:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _refusal(status: int, answer: Mapping[str, Any], grant: Grant) -> str:
    """Return why there is no token, without the secrets that an endpoint may repeat (RFC 6749 5.2)."""
    words = [answer.get(key) for key in ("error", "error_description")]
    said = ": ".join(word for word in words if isinstance(word, str)) or f"status {status}"
    for secret in filter(None, (grant.client_secret, grant.refresh_token)):
        for form in (secret.reveal(), quote_plus(secret.reveal())):
            said = said.replace(form, "***")
    return printable(said)


def _granted(answer: Mapping[str, Any], grant: Grant) -> Granted:
    token, kind, refresh = (answer.get(key) for key in ("access_token", "token_type", "refresh_token"))
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise TokenTrouble(f"{grant.token_url} answered without a token")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise TokenTrouble(f"{grant.token_url} gave a token that is none for a bearer")
    renewed = Secret(refresh) if isinstance(refresh, str) and _TOKEN.fullmatch(refresh) else None
    return Granted(Secret(token), _lifetime(answer.get("expires_in")), renewed)


def _lifetime(said: object) -> timedelta:
    # Some write the number as text.
    if isinstance(said, bool) or not isinstance(said, int | float | str) or not re.fullmatch(r"\d{1,12}", str(said)):
        return _LIFETIME
    return min(timedelta(seconds=int(said)), _LONGEST_LIFETIME)
