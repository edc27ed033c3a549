"""The opening of a dialogue: greeting, EHLO, STARTTLS and AUTH, once per connection."""

from probe.model.oauth import TokenLogin
from probe.model.outcome import Stage
from probe.model.reply import Ending, Reply
from probe.model.settings import ProxyProtocol, SmtpSettings, Tls
from probe.smtp import auth
from probe.smtp.answerer import Answerer
from probe.smtp.commands import Secure, command, greeting
from probe.smtp.endings import Ended, Script, against, unfit
from probe.smtp.extensions import Extensions, offered
from probe.smtp.scram import Untrue

_NO_EHLO = (500, 502)


class Opening:
    """Says what comes before every transaction, and learns what the server offers."""

    def __init__(self, settings: SmtpSettings, *, peer: str, ehlo: str, answerer: Answerer | None = None) -> None:
        """``answerer`` hears who it is, where that is not known; all goes on only with the one that is wanted."""
        self._settings = settings
        self._ehlo = ehlo
        self._answerer = answerer
        self.peer = peer
        """How the server is called in sentences."""
        self._encrypted = False
        self.offers: Extensions = {}
        """What the server offers, as far as it is known."""
        self.starttls_offered: bool | None = None
        """None until the first EHLO was answered, and for ever where TLS was there before it."""

    def script(self) -> Script:
        """Go from the greeting to the login; without an ending, the server is ready for a transaction."""
        for part in (self._greeted, self._introduced, self._secured, self._known, self._logged_in):
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
        return self._astray(Stage.BANNER, reply) or against(self.peer, Stage.BANNER, reply)

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
        return self._astray(stage, reply) or against(self.peer, stage, reply)

    def _secured(self) -> Script:
        if self._settings.tls in (Tls.NONE, Tls.IMPLICIT):
            return None
        optional = self._settings.tls is Tls.OPPORTUNISTIC
        if "STARTTLS" not in self.offers:
            return None if optional else self._unfit(Stage.STARTTLS, "does not offer STARTTLS, which is required")
        reply = yield command(Stage.STARTTLS, "STARTTLS")
        if optional and not reply.positive and reply.code != 421:
            return None  # RFC 3207 4: a refusal leaves the connection as it was
        if ended := against(self.peer, Stage.STARTTLS, reply):
            return ended
        yield Secure(Stage.STARTTLS)
        return (yield from self._hello(Stage.STARTTLS))

    def _astray(self, stage: Stage, reply: Reply) -> Ended | None:
        """Hear who answers; return the ending where it is another member than the one that is wanted."""
        if self._answerer is None:
            return None
        self._answerer.hear(reply)
        self.peer = self._answerer.member or self.peer
        if self._answerer.member is None or self._answerer.is_wanted:
            return None
        return Ended(Ending.NOT_TRIED, stage, f"{self.peer} answered", reply)

    def _known(self) -> Script:
        """Go on with nobody who has not given the name of the member that is wanted."""
        yield from ()
        if self._answerer is None or self._answerer.is_wanted:
            return None
        stranger, reply = self._answerer.stranger, self._answerer.heard
        return Ended(Ending.NOT_TRIED, Stage.EHLO, f"{stranger} (not a member) answered", reply)

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
        return against(self.peer, Stage.AUTH, reply)

    def _too_open(self) -> Ended | None:
        if self._encrypted or self._settings.login_without_tls:
            return None
        if self._settings.tls is Tls.NONE:
            reason = "logging in without TLS is not allowed: set tls, or auth.plaintext"
            return Ended(Ending.NOT_TRIED, Stage.AUTH, reason)
        return self._unfit(Stage.AUTH, "offers no TLS, and logging in without it is not allowed")

    def _unfit(self, stage: Stage, lack: str) -> Ended:
        return unfit(self.peer, stage, lack)
