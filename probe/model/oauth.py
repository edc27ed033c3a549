"""Logging in by OAuth 2: what a token is asked for with, and what is said with it (RFC 7628, XOAUTH2)."""

from dataclasses import dataclass
from pathlib import Path

from probe.model.secret import Secret


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token is asked for with (RFC 6749): the refresh token if there is one, else only the client's secret."""

    token_url: str
    client_id: str
    client_secret: Secret | None = None
    refresh_token: Secret | None = None
    refresh_token_file: Path | None = None
    """Where a new refresh token is to be kept."""
    scope: str | None = None
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True)
class TokenLogin:
    """A user name, and how to come by a token for it."""

    username: str
    grant: Grant


@dataclass(frozen=True, slots=True)
class Bearer:
    """A user name, the token that opens its account, and the server that the token is shown to."""

    username: str
    token: Secret
    host: str
    port: int

    def response(self, mechanism: str) -> str:
        """Return what is said first, before any encoding."""
        authorization = f"auth=Bearer {self.token.reveal()}"
        if mechanism == "XOAUTH2":
            return f"user={self.username}\x01{authorization}\x01\x01"
        return f"n,a={saslname(self.username)},\x01host={self.host}\x01port={self.port}\x01{authorization}\x01\x01"


MECHANISMS = ("OAUTHBEARER", "XOAUTH2")
"""The mechanisms that take a token, the standard one first."""


def after_failure(mechanism: str) -> str:
    """Return what is said to the challenge that tells of a failure; only then comes the refusal itself."""
    return "" if mechanism == "XOAUTH2" else "\x01"  # RFC 7628 3.2.3


def saslname(username: str) -> str:
    """Return a user name as a field between commas holds it (RFC 5802 5.1)."""
    return username.replace("=", "=3D").replace(",", "=2C")
