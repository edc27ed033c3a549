"""When the tokens expire that are held for the pools and mailboxes of the config."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from probe.metrics import TokenExpiries
from probe.model.oauth import TokenLogin
from probe.model.settings import Settings
from probe.ports import Tokens


def token_expiries(settings: Settings, tokens: Tokens) -> TokenExpiries:
    """Return the expiries of the tokens that are held now."""
    return TokenExpiries(
        pools=dict(_held(((pool.name, pool.smtp.login) for pool in settings.pools.values()), tokens)),
        mailboxes=dict(_held(((box.name, box.access.login) for box in settings.mailboxes.values()), tokens)),
    )


def _held(logins: Iterable[tuple[str, object]], tokens: Tokens) -> Iterator[tuple[str, datetime]]:
    for name, login in logins:
        if isinstance(login, TokenLogin) and (expiry := tokens.expiry(login.grant)):
            yield name, expiry
