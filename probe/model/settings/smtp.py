"""How members are found and spoken to."""

import shlex
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from probe.model.oauth import Bearer, TokenLogin
from probe.model.origin import WRITTEN_DOWN, Origin
from probe.model.secret import Secret
from probe.model.settings.endpoint import written


class Tls(StrEnum):
    """How a connection is protected."""

    NONE = "none"
    OPPORTUNISTIC = "opportunistic"
    STARTTLS = "starttls"
    IMPLICIT = "implicit"


class ProxyProtocol(StrEnum):
    """Whether and how a member is told, before anything else, who is connecting."""

    NONE = "none"
    V1 = "v1"
    V2 = "v2"


@dataclass(frozen=True, slots=True)
class Login:
    """A user name and its password."""

    username: str
    password: Secret


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long an SMTP server may take: to connect, for each reply, for the whole transaction."""

    connect: timedelta = timedelta(seconds=10)
    reply: timedelta = timedelta(seconds=30)
    total: timedelta = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """How the members of a pool are spoken to."""

    tls: Tls = Tls.OPPORTUNISTIC
    verify: bool = False
    """Check the certificate and its name; the config's default is true, but for opportunistic TLS."""
    server_name: str | None = None
    ca_file: Path | None = None
    ehlo: str | None = None
    """The name given in EHLO; None: this host's own."""
    source_address: str | None = None
    proxy_protocol: ProxyProtocol = ProxyProtocol.NONE
    lmtp: bool = False
    """Speak LMTP (RFC 2033)."""
    login: Login | TokenLogin | Bearer | None = None
    login_without_tls: bool = False
    pipelining: bool = True
    """Say MAIL, RCPT and DATA in one group where the server offers it (RFC 2920)."""
    reuse: timedelta | None = None
    """How long a connection stays open without use, for the next transaction; None: each has one of its own."""
    timeouts: Timeouts = Timeouts()

    def certified_name(self, member: "Member") -> str:
        """Return the name that the certificate of a member has to carry."""
        return self.server_name or member.hostname or member.address or "localhost"


MemberKey = tuple[str, str]
"""Pool and name: a member, as what is known of it is filed."""


@dataclass(frozen=True, slots=True)
class Member:
    """One SMTP server of a pool: one address and port, dialled directly, or a program on this host."""

    pool: str
    name: str
    address: str | None = None
    """An IPv4 or IPv6 address; None for a command."""
    port: int = 25
    hostname: str | None = None
    """The name its certificate is expected to carry."""
    preference: int | None = None
    """That of its MX record (RFC 5321 5.1), for a discovered exchanger."""
    command: tuple[str, ...] = ()
    """A program and its arguments: SMTP is spoken to its stdin and stdout."""
    behind_vip: tuple[str, ...] = ()
    """Where its address is that of a VIP: the names of all behind it, by which they are told apart when they answer."""
    origin: Origin = field(default=WRITTEN_DOWN, compare=False)
    """How its address is known; one that is found again is the same member."""

    def __post_init__(self) -> None:
        if (self.address is None) != bool(self.command):
            raise ValueError("a member has either an address or a command")
        if self.behind_vip and self.name not in self.behind_vip:
            raise ValueError(f"{self.name} is none of those behind its VIP")

    def __str__(self) -> str:
        return f"{self.pool}/{self.name}"

    @property
    def key(self) -> MemberKey:
        """Return what it is filed under."""
        return self.pool, self.name

    @property
    def endpoint(self) -> str:
        """Return address and port as people write them, IPv6 in brackets; a command as a shell would take it."""
        return shlex.join(self.command) if self.address is None else written(self.address, self.port)


class DiscoveryKind(StrEnum):
    """The ways in which the members of a pool are found."""

    MX = "mx"
    HOST = "host"
    SRV = "srv"
    HAPROXY = "haproxy"


@dataclass(frozen=True, slots=True)
class Discovery:
    """Where to look for the members of a pool."""

    kind: DiscoveryKind
    name: str
    """The mail domain, host name or SRV owner name that is looked up, or the socket of HAProxy that is asked."""
    port: int = 25
    """The members' port, where nothing that is found names one."""
    backend: str | None = None
    """The backend whose servers are the members, for HAProxy."""


@dataclass(frozen=True, slots=True)
class Pool:
    """The members behind one VIP, or the exchangers of one mail domain."""

    name: str
    members: tuple[Member, ...] = ()
    discovery: Discovery | None = None
    smtp: SmtpSettings = SmtpSettings()

    @property
    def mail_domain(self) -> str | None:
        """Return the domain whose exchangers the members are, where they are known to be that."""
        is_of_mx = self.discovery is not None and self.discovery.kind is DiscoveryKind.MX
        return self.discovery.name if self.discovery and is_of_mx else None
