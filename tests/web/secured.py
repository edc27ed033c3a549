"""Certificates, logins and guards for the web server, made by hand."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import bcrypt
import trustme

from probe.model.secret import Secret
from probe.model.settings import RateLimit, ServerTls, WebFile
from probe.web import Guard
from tests.web.serving import World

LOGIN = ("ada", "lovelace")


def hashed(password: str, *, cost: int = 4) -> str:
    """Return the cheapest hash that there is, unless told otherwise."""
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(cost)).decode()


USERS = {LOGIN[0]: hashed(LOGIN[1])}


@dataclass
class Pki:
    """An authority for the server, and one for its clients."""

    servers: trustme.CA = field(default_factory=trustme.CA)
    clients: trustme.CA = field(default_factory=trustme.CA)

    def tls(self, *names: str, **settings: Any) -> ServerTls:
        """Return TLS with a new certificate for these names."""
        certificate = self.servers.issue_cert(*(names or ("127.0.0.1",)))
        return ServerTls(
            certificate=b"".join(blob.bytes() for blob in certificate.cert_chain_pems).decode(),
            key=Secret(certificate.private_key_pem.bytes().decode()),
            **settings,
        )

    def mutual(self, **settings: Any) -> ServerTls:
        """Return TLS that verifies the certificates of clients."""
        return self.tls(client_ca=self.clients.cert_pem.bytes().decode(), **settings)

    def client(self, *names: str) -> ssl.SSLContext:
        """Return what a client needs, with a certificate for these names if there are any."""
        context = ssl.create_default_context()
        self.servers.configure_trust(context)
        if names:
            self.clients.issue_cert(*names).configure_cert(context)
        return context


def web_file(
    tls: ServerTls | None = None,
    *,
    users: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    limit: RateLimit | None = None,
) -> WebFile:
    """Return a web config that was read from nowhere."""
    return WebFile(Path("web.yml"), (Path("web.yml"),), tls, users or {}, headers or {}, limit)


def guarded(tls: ServerTls | None = None, **settings: Any) -> World:
    """Return a world behind a guard."""
    return World(guard=Guard(web_file(tls, **settings)))


def a_minute(burst: int) -> RateLimit:
    """Return a limit whose tokens come back after the test."""
    return RateLimit(timedelta(minutes=1), burst)
