"""OAuth 2 in the config: where tokens come from that are shown in place of a password."""

from typing import Annotated, Any

from pydantic import Field, PlainValidator, ValidationInfo, WithJsonSchema, field_validator

from probe.config.addresses import CaFile
from probe.config.fields import Line
from probe.config.problems import refusal
from probe.config.secrets import Password, RefreshToken
from probe.config.section import Section
from probe.config.urls import http_url, is_in_clear_text
from probe.model.oauth import Grant


def _token_url(value: Any) -> str:
    url = http_url(value, example="https://login.example.org/token", login="write client_id and client_secret")
    if is_in_clear_text(url):
        raise refusal("would send the secret over a connection without TLS", "write https://; http:// is for 127.0.0.1")
    return url.geturl()


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
