"""The top of the config, and the small sections that stand there."""

import ipaddress
from datetime import timedelta
from typing import Annotated, Any

from pydantic import ConfigDict, Field, ValidationInfo, field_validator

from probe.config.addresses import Address, AgentEndpoint, Endpoint, Port, StateUrl, ip_address
from probe.config.fields import Name, PositiveDuration
from probe.config.health import HealthSection
from probe.config.mailboxes import MailboxSection
from probe.config.notify import NotifySection
from probe.config.pools import PoolSection
from probe.config.problems import quoted, refusal
from probe.config.routes import RouteSection
from probe.config.secrets import SigningKey
from probe.config.section import Section, surroundings
from probe.config.web_file import WebConfigFile
from probe.model.settings import Resolver, TagKey, Web, WebFile


class WebSection(Section):
    """Where HTTP is served, and what it allows."""

    listen: Endpoint = Web().listen
    config_file: WebConfigFile = None
    lifecycle: bool = False
    protect_health: bool = False

    @field_validator("config_file")
    @classmethod
    def _unwise_in_clear_text(cls, file: WebFile | None, info: ValidationInfo) -> WebFile | None:
        listen = info.data.get("listen")
        if file and file.users and not file.tls and listen and not _is_loopback(listen.host):
            surroundings(info).warnings.append(
                f"web.config_file asks for passwords on {listen} without TLS: whoever listens on the way reads them"
            )
        return file

    @field_validator("protect_health")
    @classmethod
    def _by_a_login(cls, protected: bool, info: ValidationInfo) -> bool:
        around, file = surroundings(info), info.data.get("config_file")
        if protected and not around.elsewhere and not (file and file.users):
            raise refusal("asks for a login, and there is none", "write config_file, with basic_auth_users there")
        return protected


class AgentSection(Section):
    """Where HAProxy's agent-check is answered."""

    listen: AgentEndpoint


class ResolverSection(Section):
    """Which name servers are asked."""

    nameservers: Annotated[list[Address], Field(min_length=1)]
    port: Port = Resolver().port


class Config(Section):
    """The config of mailflow-probe."""

    model_config = ConfigDict(title="mailflow-probe")

    instance: Name
    state: StateUrl = "sqlite:///./mailflow.db"
    tag_keys: list[SigningKey] = Field(default=[], repr=False)
    web: WebSection = WebSection()
    agent: AgentSection | None = None
    resolver: ResolverSection | None = None
    mailboxes: Annotated[dict[Name, MailboxSection], Field(min_length=1)] | None = Field(
        default=None, validate_default=True
    )
    pools: Annotated[dict[Name, PoolSection], Field(min_length=1)]
    routes: Annotated[dict[Name, RouteSection], Field(min_length=1)]
    health: HealthSection = HealthSection()
    explain_for: PositiveDuration = Field(default=timedelta(days=14), validate_default=True)
    notify: list[NotifySection] = Field(default=[])

    @field_validator("agent")
    @classmethod
    def _has_a_port_of_its_own(cls, agent: AgentSection | None, info: ValidationInfo) -> AgentSection | None:
        web = info.data.get("web")
        if agent and web and agent.listen == web.listen and agent.listen.port:
            raise refusal("is where web listens", "write a port of its own", at=("listen",))
        return agent

    @field_validator("mailboxes", mode="before")
    @classmethod
    def _for_what_is_sent(cls, mailboxes: Any, info: ValidationInfo) -> Any:
        if mailboxes is None and surroundings(info).sends:
            raise refusal("is missing", "write mailboxes: and below it one mailbox or more")
        return mailboxes

    @field_validator("health")
    @classmethod
    def _maintains_members(cls, health: HealthSection, info: ValidationInfo) -> HealthSection:
        for index, plan in enumerate(health.maintenance):
            pool = (info.data.get("pools") or {}).get(plan.pool)
            known = pool.written_down if pool else ()
            for place, name in enumerate(plan.members or ()):
                if known and name not in known:
                    wrong = f"{plan.pool} has no member {quoted(name)}"
                    right = f"its members are: {', '.join(known)}"
                    raise refusal(wrong, right, at=("maintenance", index, "members", place))
        return health

    @field_validator("explain_for")
    @classmethod
    def _outlasts_the_messages(cls, length: timedelta, info: ValidationInfo) -> timedelta:
        for name, mailbox in (info.data.get("mailboxes") or {}).items():
            if mailbox.keep >= length:
                # A message whose probe is forgotten could no longer be proved to be ours, and would stay for ever.
                raise refusal(
                    f"is not longer than mailboxes.{name}.keep", "write a longer time, or keep messages shorter"
                )
        return length

    @field_validator("tag_keys")
    @classmethod
    def _one_key_per_id(cls, keys: list[TagKey]) -> list[TagKey]:
        ids = [key.id for key in keys]
        for index, name in enumerate(ids):
            if name in ids[:index]:
                raise refusal(f"{quoted(name)} names another key already", "give each key its own", at=(index, "id"))
        return keys


def _is_loopback(host: str) -> bool:
    address = ip_address(host)
    return ipaddress.ip_address(address).is_loopback if address else host == "localhost"
