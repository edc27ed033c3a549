"""The opening of a dialogue: greeting, EHLO, STARTTLS and AUTH, once per connection."""

from probe.model.oauth import TokenLogin
from probe.model.outcome import Stage
from probe.model.reply import Ending
from probe.model.settings import ProxyProtocol, SmtpSettings, Tls
from probe.smtp import auth
from probe.smtp.commands import Secure, command, greeting
from probe.smtp.endings import Ended, Script, against, unfit
from probe.smtp.extensions import Extensions, offered
from probe.smtp.scram import Untrue

_NO_EHLO = (500, 502)


class Opening:
    """Says what comes before every transaction, and learns what the server offers."""

    def __init__(self, settings: SmtpSettings, *, peer: str, ehlo: str) -> None:
        self._settings = settings
        self._peer = peer
        self._ehlo = ehlo
        self._encrypted = False
        self.offers: Extensions = {}
        """What the server offers, as far as it is known."""
        self.starttls_offered: bool | None = None
        """None until the first EHLO was answered, and for ever where TLS was there before it."""

    def script(self) -> Script:
        """Go from the greeting to the login; without an ending, the server is ready for a transaction."""
        for part in (self._greeted, self._introduced, self._secured, self._logged_in):
            if ended := (yield from part()):
                return ended
        return None

    def secured(self) -> None:
        """Hear that TLS protects the connection."""
        # RFC 3207 4.2: what was learnt before the handshake counts for nothing.
        self.offers, self._encrypted = {}, True

    def _greeted(self) -> Script:
        if self._settings.tls is Tls.IMPLICIT:
            yield Secure(Stage.CONNECT)
        reply = yield greeting()
        return against(self._peer, Stage.BANNER, reply)

    def _introduced(self) -> Script:
        ended = yield from self._hello(Stage.EHLO)
        if ended is None and self._settings.tls is not Tls.IMPLICIT:
            self.starttls_offered = "STARTTLS" in self.offers
        return ended

    def _hello(self, stage: Stage) -> Script:
        settings = self._settings
        reply = yield command(stage, f"{'LHLO' if settings.lmtp else 'EHLO'} {self._ehlo}")
        # A server that does not know the PROXY header refuses that, and EHLO gets its answer.
        may_be_old = not settings.lmtp and settings.proxy_protocol is ProxyProtocol.NONE
        if reply.code in _NO_EHLO and may_be_old:  # RFC 5321 4.1.1.1: a server of old
            reply = yield command(stage, f"HELO {self._ehlo}")
        elif reply.positive:
            self.offers = offered(reply)
        return against(self._peer, stage, reply)

    def _secured(self) -> Script:
        if self._settings.tls in (Tls.NONE, Tls.IMPLICIT):
            return None
        optional = self._settings.tls is Tls.OPPORTUNISTIC
        if "STARTTLS" not in self.offers:
            return None if optional else self._unfit(Stage.STARTTLS, "does not offer STARTTLS, which is required")
        reply = yield command(Stage.STARTTLS, "STARTTLS")
        if optional and not reply.positive and reply.code != 421:
            return None  # RFC 3207 4: a refusal leaves the connection as it was
        if ended := against(self._peer, Stage.STARTTLS, reply):
            return ended
        yield Secure(Stage.STARTTLS)
        return (yield from self._hello(Stage.STARTTLS))

    def _logged_in(self) -> Script:
        login = self._settings.login
        if login is None:
            return None
        if ended := self._too_open():
            return ended
        assert not isinstance(login, TokenLogin), "the token is fetched before the dialogue"
        exchange = auth.choose(self.offers.get("AUTH", ()), login, encrypted=self._encrypted)
        if exchange is None:
            *others, last = auth.known(login, encrypted=self._encrypted)
            return self._unfit(Stage.AUTH, f"does not offer to log in by {', '.join(others)} or {last}")
        try:
            reply = yield from exchange
        except Untrue as error:
            return self._unfit(Stage.AUTH, str(error))
        return against(self._peer, Stage.AUTH, reply)

    def _too_open(self) -> Ended | None:
        if self._encrypted or self._settings.login_without_tls:
            return None
        if self._settings.tls is Tls.NONE:
            reason = "logging in without TLS is not allowed: set tls, or auth.plaintext"
            return Ended(Ending.NOT_TRIED, Stage.AUTH, reason)
        return self._unfit(Stage.AUTH, "offers no TLS, and logging in without it is not allowed")

    def _unfit(self, stage: Stage, lack: str) -> Ended:
        return unfit(self._peer, stage, lack)
