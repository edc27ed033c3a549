"""Sources of tokens for those who only show them."""

import asyncio
from datetime import datetime

from probe.model.oauth import Grant
from probe.model.secret import Secret
from probe.ports import TokenTrouble


class Given:
    """Gives out one token; satisfies ``probe.ports.Tokens``."""

    def __init__(self, token: str = "") -> None:
        self._token = Secret(token)
        self.refusals: list[Grant] = []
        self.asked = 0

    def token(self, grant: Grant) -> Secret:
        self.asked += 1
        return self._token

    async def fetched(self, grant: Grant) -> Secret:
        return self.token(grant)

    def refused(self, grant: Grant) -> None:
        self.refusals.append(grant)

    def expiry(self, grant: Grant) -> datetime | None:
        return None


class NoToken(Given):
    """Has none to give."""

    def __init__(self, why: str) -> None:
        super().__init__()
        self._why = why

    def token(self, grant: Grant) -> Secret:
        raise TokenTrouble(f"{grant.token_url} refused a token: {self._why}")


class Late(Given):
    """Takes for ever."""

    async def fetched(self, grant: Grant) -> Secret:
        await asyncio.Event().wait()
        raise AssertionError("never set")
