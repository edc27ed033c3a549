"""The pools of the config: members that are written down, or where to look for them."""

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator, ValidationInfo, WithJsonSchema, field_validator

from probe.config.addresses import Address, CaFile, Greeting, Host
from probe.config.discovery import DiscoverySection
from probe.config.fields import DURATION_SCHEMA, Line, Name, PositiveDuration, positive_duration
from probe.config.members import Member, MemberSection
from probe.config.oauth2 import OAuth2Section
from probe.config.problems import quoted, refusal
from probe.config.secrets import Password
from probe.config.section import Section, one_of
from probe.model.settings import DiscoveryKind, Timeouts


class Authentication(Section):
    """What a member is logged in to with."""

    username: Line
    oauth2: OAuth2Section | None = None
    password: Password | None = Field(default=None, validate_default=True)
    plaintext: bool = False

    @field_validator("password")
    @classmethod
    def _password_or_token(cls, password: Password | None, info: ValidationInfo) -> Password | None:
        return one_of(password, info, other="oauth2")


def _reuse(value: Any) -> timedelta | Literal["off"]:
    return "off" if value == "off" else positive_duration(value)


_REUSE_SCHEMA = {"anyOf": [{"const": "off"}, DURATION_SCHEMA]}
Reuse = Annotated[timedelta | Literal["off"], PlainValidator(_reuse), WithJsonSchema(_REUSE_SCHEMA)]


class TimeoutSection(Section):
    """How long a member may take."""

    connect: PositiveDuration = Timeouts().connect
    reply: PositiveDuration = Timeouts().reply
    total: PositiveDuration = Timeouts().total


class SmtpSection(Section):
    """How the members of a pool are spoken to."""

    tls: Literal["none", "opportunistic", "starttls", "implicit"] = "opportunistic"
    verify: bool | None = None
    ca_file: CaFile | None = None
    server_name: Host | None = None
    ehlo: Greeting | None = None
    source_address: Address | None = None
    proxy_protocol: Literal["none", "v1", "v2"] = "none"
    lmtp: bool = False
    auth: Authentication | None = None
    pipelining: Literal["auto", "off"] = "auto"
    reuse: Reuse = "off"
    timeouts: TimeoutSection = TimeoutSection()

    @field_validator("auth")
    @classmethod
    def _login_possible(cls, auth: Authentication | None, info: ValidationInfo) -> Authentication | None:
        if auth and not auth.plaintext and info.data.get("tls") == "none":
            raise refusal(
                "would send the password or the token over a connection without TLS",
                "write tls: starttls, or plaintext: true here if that is meant",
            )
        return auth


class PoolSection(Section):
    """One pool."""

    members: Annotated[dict[Name, Member], Field(min_length=1)] | None = None
    discover: DiscoverySection | None = Field(default=None, validate_default=True)
    smtp: SmtpSection = SmtpSection()

    @property
    def written_down(self) -> tuple[str, ...]:
        """Return the names of the members; none where they are looked up."""
        behind_vip = self.discover.members if self.discover else None
        return tuple(self.members or behind_vip or ())

    @field_validator("members")
    @classmethod
    def _each_its_own(cls, members: dict[str, MemberSection] | None) -> dict[str, MemberSection] | None:
        seen: dict[object, str] = {}
        for name, member in (members or {}).items():
            first = seen.setdefault(member.place, name)
            if first != name:
                same = "command" if member.command else "address and port"
                raise refusal(f"has the {same} of {quoted(first)}", "give each member its own", at=(name,))
        return members

    @field_validator("smtp")
    @classmethod
    def _reaches_every_member(cls, smtp: SmtpSection, info: ValidationInfo) -> SmtpSection:
        members: dict[str, MemberSection] = info.data.get("members") or {}
        for name, member in members.items():
            if member.command and smtp.proxy_protocol != "none":
                wrong = f"is for connections by TCP, and member {quoted(name)} is a command"
                raise refusal(wrong, "write none, or give that member a pool of its own", at=("proxy_protocol",))
            if member.command and smtp.reuse != "off":
                wrong = f"is for connections by TCP, and member {quoted(name)} is a command"
                raise refusal(wrong, "write off, or give that member a pool of its own", at=("reuse",))
            if member.address and smtp.source_address and (":" in member.address) is not (":" in smtp.source_address):
                wrong = f"cannot reach member {quoted(name)} at {member.address}: IPv4 and IPv6 differ"
                raise refusal(wrong, "give the members of each IP version a pool of their own", at=("source_address",))
        return smtp

    @field_validator("smtp")
    @classmethod
    def _fit_for_vip(cls, smtp: SmtpSection, info: ValidationInfo) -> SmtpSection:
        discover: DiscoverySection | None = info.data.get("discover")
        if discover is None or discover.vip is None:
            return smtp
        if smtp.proxy_protocol != "none":
            wrong = (
                "is for members that sit behind send-proxy, and these are reached through their balancer, which sends"
            )
            raise refusal(f"{wrong} the header itself", "write none", at=("proxy_protocol",))
        if smtp.reuse != "off":
            wrong = "would keep the one connection to a VIP with one member, while the others wait"
            raise refusal(wrong, "write off", at=("reuse",))
        if smtp.source_address and (":" in discover.vip.host) is not (":" in smtp.source_address):
            wrong = f"cannot reach the VIP at {discover.vip.host}: IPv4 and IPv6 differ"
            raise refusal(wrong, "write an address of the VIP's IP version", at=("source_address",))
        return smtp

    @field_validator("discover")
    @classmethod
    def _members_or_discover(cls, discover: DiscoverySection | None, info: ValidationInfo) -> DiscoverySection | None:
        return one_of(discover, info, other="members")

    @field_validator("discover")
    @classmethod
    def _one_place_to_look(cls, discover: DiscoverySection | None) -> DiscoverySection | None:
        if discover and sum(getattr(discover, kind) is not None for kind in (*DiscoveryKind, "vip")) != 1:
            raise refusal(
                "needs one of mx, host, srv, haproxy and vip, and only one",
                "write {mx: DOMAIN}, {host: NAME}, {srv: NAME}, {haproxy: SOCKET, backend: NAME} or "
                "{vip: ADDRESS:PORT, members: [NAME, NAME]}",
            )
        return discover
