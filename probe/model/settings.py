"""What the operator asked for, checked and complete: the values that the program runs on."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from probe.model.oauth import Bearer, TokenLogin
from probe.model.origin import WRITTEN_DOWN, Origin
from probe.model.outcome import Outcome
from probe.model.rules import NO_RULES, PathRules
from probe.model.secret import Secret


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


class UnknownIs(StrEnum):
    """What a load balancer hears about a member when nobody can tell."""

    UP = "up"
    DOWN = "down"
    HOLD = "hold"


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
        return shlex.join(self.command) if self.address is None else _written(self.address, self.port)


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


@dataclass(frozen=True, slots=True)
class MailAccess:
    """The server that a mailbox is read from, and how it is spoken to."""

    host: str
    login: Login | TokenLogin
    port: int
    tls: Tls = Tls.IMPLICIT
    verify: bool = True
    server_name: str | None = None
    """The name its certificate is expected to carry; None: the host's."""
    ca_file: Path | None = None

    @property
    def endpoint(self) -> str:
        """Return host and port as people write them, IPv6 in brackets."""
        return _written(self.host, self.port)

    @property
    def certified_name(self) -> str:
        """Return the name that its certificate has to carry."""
        return self.server_name or self.host


@dataclass(frozen=True, slots=True)
class ImapSettings(MailAccess):
    """How a mailbox is read over IMAP."""


@dataclass(frozen=True, slots=True)
class Pop3Settings(MailAccess):
    """How a mailbox is read over POP3."""


SPARE_BODY = 64 * 1024
"""Octets that a body of ours may have grown on its way and is still read whole."""
LONGEST_BODY = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An account that is read over IMAP or POP3."""

    name: str
    address: str
    access: ImapSettings | Pop3Settings
    inbox: str = "INBOX"
    junk: str | None = None
    """The junk folder's name; None: the one with the \\Junk attribute (RFC 6154), else one with a well-known name."""
    keep: timedelta = timedelta(0)
    """How long a settled message of ours stays before it is deleted."""
    longest_body: int = SPARE_BODY
    """Octets of a body that are read of a message of ours, at most."""
    foreign_limit: int = 1000
    """With more messages of others in a folder the mailbox looks like a person's: nothing is deleted there."""


class ContentKind(StrEnum):
    """What a probe message carries."""

    PLAIN = "plain"
    GTUBE = "gtube"
    EICAR = "eicar"


@dataclass(frozen=True, slots=True)
class Content:
    """What a probe message carries, and at least how many octets of it."""

    kind: ContentKind = ContentKind.PLAIN
    size: int = 0


@dataclass(frozen=True, slots=True)
class Retry:
    """How often and when a probe is tried again after a 4yz reply or a failed connection."""

    attempts: int = 1
    """All of them, the first included: 1 means no retry."""
    first: timedelta = timedelta(seconds=60)
    longest: timedelta = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Route:
    """One thing watched all the time: pool x mailbox x how often x what is expected."""

    name: str
    pool: str
    mailbox: str | None
    """None where members are only asked whether they would take the mail: nothing is sent."""
    sender: str
    recipient: str
    bounces: str | None
    """The mailbox that receives mail to the sender."""
    interval: timedelta
    deadline: timedelta
    late_until: timedelta = timedelta(days=5)
    expect: Outcome = Outcome.DELIVERED
    retry: Retry = Retry()
    content: Content = Content()
    footer: bool = False
    """Whether text may be added above or below that of its messages, as gateways and mailing lists do."""
    path: PathRules = NO_RULES
    authserv_id: str | None = None
    """The name of the one server whose Authentication-Results are believed (RFC 8601 2.5)."""
    objective: float = 0.995
    """The share of probes that shall succeed, 0 to 1."""

    @property
    def only_asks(self) -> bool:
        """Tell whether its probes only ask by MAIL and RCPT."""
        return self.mailbox is None


@dataclass(frozen=True, slots=True)
class Share:
    """A number of members, or a share of them."""

    count: int | None = None
    ratio: float | None = None

    def __post_init__(self) -> None:
        if (self.count is None) == (self.ratio is None):
            raise ValueError("a share is either a count or a ratio")

    def of(self, members: int) -> int:
        """Return how many of so many members this is, rounded up, never more than there are."""
        if self.count is not None:
            return min(self.count, members)
        assert self.ratio is not None
        # Percentages are decimal: 0.07 * 100 must not become 8 by a binary rounding error.
        return min(-int(-round(self.ratio * members, 9) // 1), members)


@dataclass(frozen=True, slots=True)
class HealthPolicy:
    """When a member is called up or down, and what is said when nobody can tell."""

    rise: int = 2
    fall: int = 3
    min_healthy: Share = Share(ratio=0.5)
    stale_after: timedelta | None = None
    """None: three intervals and the deadline of the member's slowest route."""
    unknown_is: UnknownIs = UnknownIs.UP


@dataclass(frozen=True, slots=True)
class Listen:
    """An address and port to listen on."""

    host: str
    port: int

    def __str__(self) -> str:
        return _written(self.host, self.port)


@dataclass(frozen=True, slots=True)
class Web:
    """Where HTTP is served, and what it allows."""

    listen: Listen = Listen("127.0.0.1", 9847)
    lifecycle: bool = False
    """Allow POST /-/reload."""


@dataclass(frozen=True, slots=True)
class Resolver:
    """Which name servers are asked; none: the system's."""

    nameservers: tuple[str, ...] = ()
    port: int = 53


@dataclass(frozen=True, slots=True)
class TagKey:
    """A key that signs or verifies tags."""

    id: str
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) < 16:
            raise ValueError(f"tag key {self.id}: shorter than 16 bytes")


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole config."""

    instance: str
    state: str
    """The ledger's URL."""
    mailboxes: Mapping[str, Mailbox]
    pools: Mapping[str, Pool]
    routes: Mapping[str, Route]
    tag_keys: tuple[TagKey, ...] = ()
    """Empty: a key is made and kept in the ledger."""
    web: Web = Web()
    resolver: Resolver = Resolver()
    health: HealthPolicy = HealthPolicy()
    explain_for: timedelta = timedelta(days=14)
    """How long the story of a finished probe is kept."""

    def routes_of(self, pool: str) -> list[Route]:
        """Return the routes on which the members of a pool are probed."""
        return [route for route in self.routes.values() if route.pool == pool]


def _written(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
