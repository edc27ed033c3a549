"""The expiries of tokens, by what they open."""

from dataclasses import replace
from datetime import UTC, datetime

from probe.metrics import TokenExpiries
from probe.model.oauth import Grant, TokenLogin
from probe.model.secret import Secret
from probe.model.settings import ImapSettings, Login, Mailbox, Pool, Settings, SmtpSettings
from probe.wiring.expiries import token_expiries
from tests.oauth.source import Given

THEN = datetime(2030, 1, 1, tzinfo=UTC)
HELD = Grant("https://login.test/token", "held")
NOT_YET = replace(HELD, client_id="not-yet")


class Held(Given):
    def expiry(self, grant: Grant) -> datetime | None:
        return THEN if grant == HELD else None


def test_only_what_is_opened_by_a_token_that_is_held_has_an_expiry() -> None:
    logins: dict[str, Login | TokenLogin] = {
        "a": TokenLogin("u", HELD),
        "b": TokenLogin("u", NOT_YET),
        "c": Login("u", Secret("p")),
    }
    settings = Settings(
        instance="probe-a",
        state="sqlite:///x",
        pools={name: Pool(name, smtp=SmtpSettings(login=login)) for name, login in logins.items()} | {"d": Pool("d")},
        mailboxes={name: Mailbox(name, "m@lab.test", ImapSettings("h", login, 993)) for name, login in logins.items()},
        routes={},
    )
    assert token_expiries(settings, Held()) == TokenExpiries(pools={"a": THEN}, mailboxes={"a": THEN})
