"""The web config: a file of its own, in the format of exporter-toolkit."""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, PlainValidator, ValidationError, ValidationInfo, WithJsonSchema, field_validator

from probe.config.document import Document, read
from probe.config.fields import Duration, shown, text
from probe.config.problems import ConfigError, quoted, refusal
from probe.config.section import Section, Surroundings, surroundings
from probe.config.web_tls import TlsServerSection
from probe.config.wording import worded
from probe.model.settings import RateLimit, WebFile

_DEAREST = 14
"""The cost of a hash at most: 2^14 rounds take about a second, and each step more doubles that."""
_HASH = re.compile(r"\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{53}")
_HEADERS: Mapping[str, tuple[str, ...]] = {
    "Content-Security-Policy": (),
    "X-Frame-Options": ("deny", "sameorigin"),
    "X-Content-Type-Options": ("nosniff",),
    "X-XSS-Protection": (),
    "Strict-Transport-Security": (),
}
"""What they may say; empty: anything."""


def _user(value: Any) -> str:
    # RFC 7617 2: a colon ends the name.
    if not re.fullmatch(r"[^:\x00-\x1f\x7f]{1,255}", text(value)):
        raise refusal(f"{shown(value)} is not the name of a user", "write one without a colon")
    return str(value)


def _hash(value: Any) -> str:
    # None of these sentences shows the value: who mistook it may have written the password itself.
    right = "write what htpasswd -nBC 10 NAME prints behind the colon"
    found = _HASH.fullmatch(value) if isinstance(value, str) else None
    if not found or int(found[1]) < 4:
        raise refusal("is not the bcrypt hash of a password", right)
    if int(found[1]) > _DEAREST:
        raise refusal(f"takes too long to check, with a cost of {int(found[1])}", right)
    return found.group()


_User = Annotated[str, PlainValidator(_user)]
_Hash = Annotated[str, PlainValidator(_hash)]


def _http2(value: Any) -> bool:
    if value is not False:
        raise refusal("is not spoken here, and clients do without it", "write false, or leave it out")
    return value


class HttpServerSection(Section):
    """What is said in HTTP."""

    http2: Annotated[bool, PlainValidator(_http2)] = False
    headers: dict[str, Annotated[str, PlainValidator(text)]] = Field(default={})

    @field_validator("headers")
    @classmethod
    def _known(cls, headers: dict[str, str]) -> dict[str, str]:
        for name, value in headers.items():
            if name not in _HEADERS:
                raise refusal("is not a header that can be set", f"write {', '.join(_HEADERS)}", at=(name,))
            if value and _HEADERS[name] and value not in _HEADERS[name]:
                raise refusal(f"{quoted(value)} is not known here", f"write {' or '.join(_HEADERS[name])}", at=(name,))
            if not re.fullmatch(r"[ -~]*", value):
                raise refusal("holds more than printable ASCII", "write one line of that", at=(name,))
        return headers


class RateLimitSection(Section):
    """How many requests are answered."""

    interval: Duration
    burst: Annotated[int, Field(ge=1)]


class WebConfig(Section):
    """The whole web config."""

    tls_server_config: TlsServerSection | None = None
    http_server_config: HttpServerSection = HttpServerSection()
    basic_auth_users: dict[_User, _Hash] = Field(default={}, repr=False)
    rate_limit: RateLimitSection | None = None


def load_web_file(path: Path, *, warn: Callable[[str], None] = lambda _: None) -> WebFile:
    """Return what a web config asks for, its certificates read; relative file names start at its folder.

    What is unwise but possible is told to ``warn``, a sentence each. Raises ConfigError with all problems.
    """
    document = read(path, needed="tls_server_config or basic_auth_users")
    around = Surroundings(folder=path.parent, environment=os.environ)
    config = _validated(document, around)
    if config is None or document.problems:
        raise ConfigError(sorted(document.problems, key=lambda problem: problem.line))
    for warning in around.warnings:
        warn(warning)
    return _built(config, path, tuple(_files(document, path)))


def _web_file(value: Any, info: ValidationInfo) -> WebFile | None:
    around = surroundings(info)
    try:
        return load_web_file(around.folder / text(value), warn=around.warnings.append)
    except ConfigError as error:
        around.elsewhere.extend(error.problems)
        return None


WebConfigFile = Annotated[WebFile | None, PlainValidator(_web_file), WithJsonSchema({"type": "string", "minLength": 1})]


def _validated(document: Document, around: Surroundings) -> WebConfig | None:
    try:
        return WebConfig.model_validate(document.value, context=around)
    except ValidationError as errors:
        for error in errors.errors(include_url=False):
            document.refuse(*worded(error, WebConfig))
    return None


def _built(config: WebConfig, path: Path, files: tuple[Path, ...]) -> WebFile:
    tls, limit = config.tls_server_config, config.rate_limit
    return WebFile(
        path=path,
        files=files,
        tls=tls.built() if tls else None,
        users=config.basic_auth_users,
        headers={name: value for name, value in config.http_server_config.headers.items() if value},
        rate_limit=RateLimit(limit.interval, limit.burst) if limit and limit.interval else None,
    )


def _files(document: Document, path: Path) -> Iterator[Path]:
    yield path
    for key, value in (document.value.get("tls_server_config") or {}).items():
        if key in ("cert_file", "key_file", "client_ca_file"):
            yield path.parent / value
