"""Asks a running daemon over HTTP what it knows."""

import json
import os
import ssl
import time
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlencode, urlsplit

from probe.model.secret import Secret
from probe.model.settings import Listen
from probe.net.http import Request, Response, ask_once
from probe.net.tls import client_context

_LARGEST = 64 * 1024 * 1024
_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - nobody listens here


class NoAnswer(Exception):
    """The daemon has no answer to give; the message says why, in one sentence."""


class Refused(NoAnswer):
    """The daemon does not do what it was asked; the status says of what kind that is."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.status = status


@dataclass(frozen=True, slots=True)
class Door:
    """How a daemon is reached."""

    url: str
    ca_file: Path | None = None
    username: str = ""
    password: Secret | None = None

    def __post_init__(self) -> None:
        try:
            url = urlsplit(self.url)
            usable = url.scheme in {"http", "https"} and url.hostname and url.port != 0
        except ValueError:
            usable = False
        if not usable or not self.url.isascii() or not self.url.isprintable() or url.query or url.fragment:
            raise ValueError(f"{self.url!a} is not a URL; write http://127.0.0.1:9847")
        if url.username is not None:
            raise ValueError("a URL with a login in it is seen by everybody; use --username and --password-env")


def url_of(listen: Listen, *, encrypted: bool = False) -> str:
    """Return the URL by which this host reaches an address that is listened on."""
    return f"http{'s' if encrypted else ''}://{Listen(_ANYWHERE.get(listen.host, listen.host), listen.port)}"


def password_in(variable: str | None) -> Secret | None:
    """Return the password that an environment variable holds. Raises ValueError where there is no such variable."""
    if variable is None:
        return None
    if variable not in os.environ:
        raise ValueError(f"the environment variable {variable!a}, which is to hold the password, is not set")
    return Secret(os.environ[variable])


class Daemon:
    """Ask one daemon several things, all of them within so many seconds."""

    def __init__(self, door: Door, *, seconds: float) -> None:
        self._door = door
        self._url: SplitResult = urlsplit(door.url)
        self._seconds = seconds
        self._end = time.monotonic() + seconds

    def ready(self) -> None:
        """Return if it is ready. Raises NoAnswer with what it waits for."""
        answer = self._get("/-/ready", {})
        if answer.status != 200:
            first = answer.body.decode(errors="replace").partition("\n")[0]
            raise NoAnswer(first if answer.status == 503 and first.startswith("Not ready") else self._refused(answer))

    def ask(self, path: str, **parameters: str | None) -> Any:
        """Return the JSON that it answers. Raises NoAnswer."""
        return self._said(self._get(path, {name: value for name, value in parameters.items() if value is not None}))

    def tell(self, path: str, body: Mapping[str, Any]) -> Any:
        """Have it do something, and return the JSON that it answers. Raises NoAnswer."""
        return self._said(self._asked(path, method="POST", body=json.dumps(body).encode()))

    def _said(self, answer: Response) -> Any:
        said = _json(answer)
        if answer.status != 200:
            error = said.get("error") if isinstance(said, dict) else None
            raise Refused(answer.status, error if isinstance(error, str) and error else self._refused(answer))
        return said

    def _get(self, path: str, parameters: Mapping[str, str]) -> Response:
        return self._asked(f"{path}{'?' if parameters else ''}{urlencode(parameters)}")

    def _asked(self, path: str, *, method: str = "GET", body: bytes | None = None) -> Response:
        url, left = self._url, self._end - time.monotonic()
        assert url.hostname
        headers = {"Accept": "application/json, text/plain", **self._login()}
        request = Request(
            url.hostname,
            f"{url.path.rstrip('/')}{path}",
            port=url.port,
            method=method,
            body=body,
            headers=headers | ({"Content-Type": "application/json"} if body is not None else {}),
        )
        try:
            context = client_context(verify=True, ca_file=self._door.ca_file) if url.scheme == "https" else None
            answer = ask_once(request, context=context, seconds=max(left, 0.001), largest=_LARGEST)
        except TimeoutError as exc:
            raise NoAnswer(f"{self._door.url} did not answer within {self._seconds:g} s") from exc
        except ssl.SSLCertVerificationError as exc:
            raise NoAnswer(f"the certificate of {self._door.url} is not accepted: {exc.verify_message}") from exc
        except (OSError, HTTPException, ValueError) as exc:
            words = exc.strerror if isinstance(exc, OSError) else None
            raise NoAnswer(f"{self._door.url} cannot be asked: {words or type(exc).__name__}") from exc
        if len(answer.body) > _LARGEST:
            raise NoAnswer(f"{self._door.url} answered more than can be read")
        return answer

    def _login(self) -> Mapping[str, str]:
        if self._door.password is None:
            return {}
        pair = f"{self._door.username}:{self._door.password.reveal()}"
        return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}

    def _refused(self, answer: Response) -> str:
        if answer.status == 401:
            return f"{self._door.url} wants a login"
        return f"{self._door.url} answered {answer.status} in place of what was asked"


def _json(answer: Response) -> Any:
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError) as exc:
        if answer.status != 200:
            return None
        raise NoAnswer("what answers there is no mailflow-probe") from exc
