"""Fetches the tokens that are shown in place of passwords (OAuth 2), and keeps them fresh."""

from probe.oauth.tokens import TokenSource

__all__ = ["TokenSource"]
