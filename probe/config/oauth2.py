"""OAuth 2 in the config: where tokens come from that are shown in place of a password."""

import ipaddress
from typing import Annotated, Any
from urllib.parse import SplitResult, urlsplit

from pydantic import Field, PlainValidator, ValidationInfo, WithJsonSchema, field_validator

from probe.config.addresses import CaFile
from probe.config.fields import Line, matched, text
from probe.config.problems import refusal
from probe.config.secrets import Password, RefreshToken
from probe.config.section import Section
from probe.model.oauth import Grant

_EXAMPLE = "write https://login.example.org/token"


def _token_url(value: Any) -> str:
    written = matched(text(value), r"[\x21-\x7e]{1,2000}", what="a URL", right=_EXAMPLE).group()
    url = _split(written)
    if url is None or url.scheme not in {"https", "http"} or not url.hostname or url.fragment:
        raise refusal("is not a URL of HTTPS", _EXAMPLE)
    if url.username is not None:
        raise refusal("holds a user name", "write client_id and client_secret")
    if url.scheme == "http" and not _is_loopback(url.hostname):
        raise refusal("would send the secret over a connection without TLS", "write https://; http:// is for 127.0.0.1")
    return written


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


TokenUrl = Annotated[str, PlainValidator(_token_url), WithJsonSchema({"type": "string", "pattern": "^https?://.+$"})]


class OAuth2Section(Section):
    """How to come by a token."""

    token_url: TokenUrl
    client_id: Line
    scope: Line | None = None
    ca_file: CaFile | None = None
    refresh_token: RefreshToken | None = None
    client_secret: Password | None = Field(default=None, validate_default=True)

    @field_validator("client_secret")
    @classmethod
    def _something_to_show(cls, secret: Password | None, info: ValidationInfo) -> Password | None:
        if secret is None and info.data.get("refresh_token", "wrong") is None:
            raise refusal("is missing, and so is refresh_token", "write where it is kept, such as {file: PATH}")
        return secret

    def grant(self) -> Grant:
        """Return what a token is asked for with."""
        refresh = self.refresh_token
        return Grant(
            token_url=self.token_url,
            client_id=self.client_id,
            client_secret=self.client_secret,
            refresh_token=refresh.token if refresh else None,
            refresh_token_file=refresh.file if refresh else None,
            scope=self.scope,
            ca_file=self.ca_file,
        )
