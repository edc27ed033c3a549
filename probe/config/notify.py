"""The notify section of the config: who is told by the program itself what is wrong."""

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator, ValidationInfo, WithJsonSchema, field_validator

from probe.config.addresses import CaFile
from probe.config.fields import PositiveDuration, matched, text
from probe.config.problems import refusal
from probe.config.secrets import Password
from probe.config.section import Section
from probe.config.urls import http_url, is_in_clear_text
from probe.model.secret import Secret
from probe.model.settings import Notify, NotifyKind

_URL = {"type": "string", "pattern": "^https?://.+$"}
_HEADER = "[A-Za-z0-9-]{1,64}"
_OURS = frozenset({"host", "connection", "content-length", "content-type", "transfer-encoding"})


def _webhook(value: Any) -> str:
    example = "http://127.0.0.1:9093/api/v2/alerts"
    return http_url(value, example=example, login="write it as headers: {Authorization: {file: PATH}}").geturl()


def _link(value: Any) -> str:
    return http_url(value, example="https://probe.example.org", login="leave it out").geturl().rstrip("/")


def _header(value: Any) -> str:
    right = "write letters, digits and -, such as Authorization"
    name = matched(text(value), _HEADER, what="the name of a header", right=right).group()
    if name.lower() in _OURS:
        raise refusal("is a header that is always sent", "leave it out")
    return name


Webhook = Annotated[str, PlainValidator(_webhook), WithJsonSchema(_URL)]
Link = Annotated[str, PlainValidator(_link), WithJsonSchema(_URL)]
Header = Annotated[str, PlainValidator(_header), WithJsonSchema({"type": "string", "pattern": f"^{_HEADER}$"})]


class NotifySection(Section):
    """Somebody who is told."""

    webhook: Webhook
    kind: Literal["alertmanager", "webhook"] = "webhook"
    after: PositiveDuration | None = None
    headers: dict[Header, Password] = Field(default={}, repr=False)
    ca_file: CaFile | None = None
    link: Link | None = None

    @field_validator("headers")
    @classmethod
    def _not_in_clear_text(cls, headers: dict[str, Secret], info: ValidationInfo) -> dict[str, Secret]:
        url = info.data.get("webhook")
        if headers and url and is_in_clear_text(http_url(url, example="", login="")):
            raise refusal("would send secrets over a connection without TLS", "write webhook: https://")
        return headers

    def settings(self, *, after: timedelta) -> Notify:
        """Return whom to tell, and how; `after` is what holds where the section does not say."""
        kind = NotifyKind(self.kind)
        return Notify(self.webhook, kind, self.after or after, self.headers, self.ca_file, self.link)
