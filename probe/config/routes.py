"""The routes of the config: what is sent where, how often, and what is expected of it."""

from datetime import timedelta
from typing import Annotated, Any, Literal, Self

import re2
from pydantic import Field, PlainValidator, ValidationInfo, WithJsonSchema, field_validator, model_validator

from probe.config.addresses import MailAddress
from probe.config.fields import (
    SIZE_SCHEMA,
    Interval,
    Objective,
    PositiveDuration,
    matched,
    schema_of,
    shown,
    size,
    text,
)
from probe.config.problems import quoted, refusal
from probe.config.section import Section, surroundings
from probe.model.outcome import Outcome
from probe.model.rules import Pattern
from probe.model.settings import Content, ContentKind, Retry
from probe.net.text import printable


def _known(name: str, among: tuple[str, ...], *, what: str, plural: str) -> str:
    # Where there are none at all, their own section is what is wrong.
    if among and name not in among:
        raise refusal(f"there is no {what} {quoted(name)}", f"{plural} are: {', '.join(among)}")
    return name


def _pool(value: Any, info: ValidationInfo) -> str:
    return _known(text(value), surroundings(info).pools, what="pool", plural="pools")


def _mailbox(value: Any, info: ValidationInfo) -> str:
    return _known(text(value), surroundings(info).mailboxes, what="mailbox", plural="mailboxes")


PoolName = Annotated[str, PlainValidator(_pool), WithJsonSchema({"type": "string"})]
MailboxName = Annotated[str, PlainValidator(_mailbox), WithJsonSchema({"type": "string"})]


class RetrySection(Section):
    """How often and when a probe is tried again."""

    attempts: Annotated[int, Field(ge=1, le=100)] = Retry().attempts
    first: PositiveDuration = Retry().first
    longest: PositiveDuration = Retry().longest

    @field_validator("longest")
    @classmethod
    def _not_before_first(cls, longest: timedelta, info: ValidationInfo) -> timedelta:
        if longest < info.data.get("first", longest):
            raise refusal("is shorter than first", "make it as long as first, or longer")
        return longest


def _content(value: Any) -> Content:
    if isinstance(value, str) and value in set(ContentKind):
        return Content(kind=ContentKind(value))
    if isinstance(value, dict) and list(value) == ["size"]:
        return Content(size=size(value["size"]))
    raise refusal(f"{shown(value)} is no known content", "write plain, gtube, eicar or {size: 64KiB}")


_CONTENT_SCHEMA = {
    "anyOf": [
        {"enum": [str(kind) for kind in ContentKind]},
        {
            "type": "object",
            "properties": {"size": SIZE_SCHEMA},
            "required": ["size"],
            "additionalProperties": False,
        },
    ]
}

MessageContent = Annotated[Content, PlainValidator(_content), WithJsonSchema(_CONTENT_SCHEMA)]


def _expression(value: Any) -> Pattern:
    # RE2 and not re: hosts that anybody may name are searched, and no expression may take its time over them.
    written = matched(
        text(value), r"[ -~]{1,200}", what="a regular expression", right="write 1 to 200 printable characters"
    ).group()
    try:
        compiled: Pattern = re2.compile(written, _RE2)
    except re2.error as exc:
        why = exc.args[0].decode("utf-8", "replace").partition(": ")[0]
        raise refusal(
            f"{shown(value)} is not a regular expression: {printable(why)}", "write one as RE2 knows it"
        ) from exc
    return compiled


_RE2 = re2.Options()
_RE2.case_sensitive = False
_RE2.log_errors = False
_RE2.max_mem = 1024 * 1024

Expression = Annotated[Pattern, PlainValidator(_expression), WithJsonSchema({"type": "string", "maxLength": 200})]
Expressions = Annotated[list[Expression], Field(max_length=20)]


def _server_name(value: Any) -> str:
    right = "write the name that stands first in its Authentication-Results, such as mx.example.org"
    return matched(text(value), _SERVER_NAME, what="the name of a server", right=right).group()


_SERVER_NAME = r"[A-Za-z0-9._-]{1,255}"

ServerName = Annotated[str, PlainValidator(_server_name), schema_of(_SERVER_NAME, "mx.example.org")]


class PathSection(Section):
    """What the way of a message must look like."""

    through: Expressions = Field(default_factory=list)
    never: Expressions = Field(default_factory=list)


class RouteSection(Section):
    """One route."""

    pool: PoolName
    check: Literal["delivery", "rcpt"] = "delivery"
    mailbox: MailboxName | None = Field(default=None, validate_default=True)
    sender: MailAddress = Field(alias="from")
    recipient: MailAddress | None = Field(default=None, alias="to")
    bounces: MailboxName | None = None
    interval: Interval = timedelta(seconds=60)
    deadline: PositiveDuration = timedelta(minutes=5)
    late_until: PositiveDuration = Field(default=timedelta(days=5), validate_default=True)
    expect: Literal["delivered", "rejected", "deferred", "junked", "bounced", "missing", "accepted"] = "delivered"
    retry: RetrySection = RetrySection()
    content: MessageContent = Content()
    footer: Literal["refused", "allowed"] = "refused"
    path: PathSection = PathSection()
    authserv_id: ServerName | None = None
    objective: Objective = 0.995

    @property
    def only_asks(self) -> bool:
        """Tell whether nothing is sent."""
        return self.check == "rcpt"

    @property
    def expected(self) -> Outcome:
        """Return what is expected, by default the good end of each check."""
        if self.only_asks and "expect" not in self.model_fields_set:
            return Outcome.ACCEPTED
        return Outcome(self.expect)

    @field_validator("mailbox")
    @classmethod
    def _mailbox_of_delivery(cls, mailbox: str | None, info: ValidationInfo) -> str | None:
        if mailbox is None and info.data.get("check") == "delivery":
            raise refusal("is missing", "write the name of a mailbox, such as mailbox: monitor")
        return mailbox

    @field_validator("late_until")
    @classmethod
    def _after_deadline(cls, late_until: timedelta, info: ValidationInfo) -> timedelta:
        if info.data.get("check") != "rcpt" and late_until <= info.data.get("deadline", timedelta(0)):
            raise refusal("does not end after the deadline", "make it longer than the deadline, such as 5d")
        return late_until

    @field_validator("expect")
    @classmethod
    def _possible(cls, expect: str, info: ValidationInfo) -> str:
        asks = info.data.get("check") == "rcpt"
        if asks and expect not in _ANSWERS:
            raise refusal(f"cannot be {expect} with check: rcpt", "write accepted, rejected or deferred")
        if expect == "accepted" and not asks:
            raise refusal("can be accepted with check: rcpt only", "write delivered, or check: rcpt beside it")
        mailbox = info.data.get("mailbox")
        if expect == "junked" and mailbox in surroundings(info).without_folders:
            raise refusal(
                f"cannot be junked: mailbox {quoted(mailbox)} is read over POP3, which knows no junk folder",
                "read the mailbox over imap",
            )
        return expect

    @field_validator("retry")
    @classmethod
    def _before_deadline(cls, retry: RetrySection, info: ValidationInfo) -> RetrySection:
        if retry.attempts > 1 and retry.first >= info.data.get("deadline", timedelta.max):
            raise refusal("is not before the deadline", "make it shorter than the deadline", at=("first",))
        return retry

    @model_validator(mode="after")
    def _asks_for_somebody_and_sends_nothing(self) -> Self:
        needless = [key for key in _OF_MESSAGES if key in self.model_fields_set]
        if self.only_asks and needless:
            mean, them = ("means", "it") if len(needless) == 1 else ("mean", "them")
            wrong = f"{', '.join(needless)} {mean} nothing with check: rcpt, where no message is sent"
            raise refusal(wrong, f"leave {them} out")
        if self.only_asks and self.recipient is None:
            raise refusal(
                "is missing, and check: rcpt has no mailbox to take it from",
                "write whom to ask for, such as to: postmaster@example.org",
                at=("to",),
            )
        return self


_OF_MESSAGES = ("mailbox", "bounces", "late_until", "content", "footer", "path")
_ANSWERS = frozenset({"accepted", "rejected", "deferred"})
