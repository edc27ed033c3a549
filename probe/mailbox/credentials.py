"""What a mailbox is opened with: a password, or a token that is fetched when it is needed."""

from probe.model.oauth import Bearer, TokenLogin
from probe.model.settings import Login, MailAccess
from probe.ports import MailboxTrouble, Tokens, TokenTrouble


class Credentials:
    """The right to one account; may be shared by the threads of its sessions."""

    def __init__(self, settings: MailAccess, tokens: Tokens | None = None) -> None:
        self._settings = settings
        self._tokens = tokens

    def shown(self) -> Login | Bearer:
        """Return what is shown to the server; blocks while a token is fetched. Raises MailboxTrouble."""
        login = self._settings.login
        if isinstance(login, Login):
            return login
        assert self._tokens is not None, "a mailbox that is opened by tokens is given their source"
        try:
            token = self._tokens.token(login.grant)
        except TokenTrouble as trouble:
            raise MailboxTrouble(f"there is no token for {login.username}: {trouble}") from trouble
        return Bearer(login.username, token, self._settings.certified_name, self._settings.port)

    def refused(self) -> None:
        """Hear that the server did not take them: a token may have been revoked."""
        login = self._settings.login
        if isinstance(login, TokenLogin) and self._tokens:
            self._tokens.refused(login.grant)
