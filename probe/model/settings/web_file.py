"""What a web config in the format of exporter-toolkit says: TLS, logins, headers, and how many requests."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from probe.model.secret import Secret


class ClientAuth(StrEnum):
    """What is asked of a client's certificate, in Go's words."""

    NONE = "NoClientCert"
    IF_GIVEN = "VerifyClientCertIfGiven"
    REQUIRED = "RequireAndVerifyClientCert"


class TlsVersion(StrEnum):
    """A version of TLS, in exporter-toolkit's words."""

    TLS12 = "TLS12"
    TLS13 = "TLS13"


@dataclass(frozen=True, slots=True)
class ServerTls:
    """How TLS is spoken to clients."""

    certificate: str
    """The server's own and those between it and its authority, in PEM form."""
    key: Secret
    """In PEM form."""
    client_auth: ClientAuth = ClientAuth.NONE
    client_ca: str | None = None
    """Who may have signed a client's certificate, in PEM form."""
    client_allowed_sans: tuple[str, ...] = ()
    """One of these names a client's certificate must hold; empty: any."""
    oldest: TlsVersion = TlsVersion.TLS12
    newest: TlsVersion = TlsVersion.TLS13
    ciphers: tuple[str, ...] = ()
    """Of TLS 1.2, in OpenSSL's words; empty: those that Python takes."""
    prefer_own_ciphers: bool = True
    curve: str | None = None
    """In OpenSSL's words."""


@dataclass(frozen=True, slots=True)
class RateLimit:
    """A token bucket."""

    interval: timedelta
    """A token comes back so often; never 0."""
    burst: int
    """So many it holds."""


@dataclass(frozen=True, slots=True)
class WebFile:
    """A web config, with the certificates that it names."""

    path: Path
    files: tuple[Path, ...]
    """Where it was read from: itself, and what it names."""
    tls: ServerTls | None = None
    users: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Names with the bcrypt hashes of their passwords; none: nobody is asked for a login."""
    headers: Mapping[str, str] = field(default_factory=dict)
    rate_limit: RateLimit | None = None
