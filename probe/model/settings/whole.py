"""The whole config, and what belongs to the program itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from probe.model.settings.endpoint import written
from probe.model.settings.health import HealthPolicy
from probe.model.settings.mailboxes import Mailbox
from probe.model.settings.notify import Notify
from probe.model.settings.routes import Route
from probe.model.settings.smtp import Pool
from probe.model.settings.web_file import WebFile


@dataclass(frozen=True, slots=True)
class Listen:
    """An address and port to listen on."""

    host: str
    port: int

    def __str__(self) -> str:
        return written(self.host, self.port)


@dataclass(frozen=True, slots=True)
class Web:
    """Where HTTP is served, and what it allows."""

    listen: Listen = Listen("127.0.0.1", 9847)
    lifecycle: bool = False
    """Allow POST /-/reload, and holds."""
    protect_health: bool = False
    """Ask for a login on /health and /-/, too."""
    file: WebFile | None = None
    """TLS, logins and headers; none: plain HTTP for everybody."""


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
    agent: Listen | None = None
    """Where HAProxy's agent-check is answered; None: nowhere."""
    resolver: Resolver = Resolver()
    health: HealthPolicy = field(default_factory=HealthPolicy)
    explain_for: timedelta = timedelta(days=14)
    """How long the story of a finished probe is kept."""
    notify: tuple[Notify, ...] = ()

    def routes_of(self, pool: str) -> list[Route]:
        """Return the routes on which the members of a pool are probed."""
        return [route for route in self.routes.values() if route.pool == pool]
