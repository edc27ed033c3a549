"""Hands one message to one member, or asks it whether it would take one, and says what it came to."""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from probe.model.message import Envelope
from probe.model.oauth import Bearer, TokenLogin
from probe.model.outcome import Stage
from probe.model.reply import Attempt, Ending
from probe.model.settings import Member, SmtpSettings, Tls
from probe.model.tls_seen import TlsSeen
from probe.net.certificate import expiry
from probe.net.tls import client_context
from probe.ports import Clock, Tokens, TokenTrouble
from probe.smtp.answerer import Answerer
from probe.smtp.dialogue import Dialogue
from probe.smtp.endings import Ended
from probe.smtp.enquiry import Enquiry
from probe.smtp.errand import Errand
from probe.smtp.line import Lines, NoTurn
from probe.smtp.log import Log
from probe.smtp.search import search
from probe.smtp.standstill import Standstill
from probe.smtp.visit import Visit, Visited

_INSPECTION = timedelta(seconds=2)
"""What a second look at a certificate that did not pass may take."""
_STOOD_STILL = timedelta(milliseconds=500)
"""For so long, if that is a tenth of an attempt as well, the program must have stood still to be to blame."""

VIP = "the VIP"
"""How whoever answers is called in sentences, until it has given a name."""


def _nobody_waits() -> None:
    """Nobody does."""


class SmtpSender:
    """Speaks SMTP; satisfies ``probe.ports.Sender`` and ``probe.ports.Enquirer``. To be used by one event loop."""

    def __init__(self, clock: Clock, tokens: Tokens | None = None) -> None:
        """``tokens`` are for pools whose members are logged in to by one."""
        self._clock = clock
        self._tokens = tokens
        self._contexts: dict[tuple[bool, Path | None, int], ssl.SSLContext] = {}
        self._standstill = Standstill()
        self._lines = Lines()

    async def send(
        self,
        member: Member,
        envelope: Envelope,
        *,
        settings: SmtpSettings,
        until: datetime,
        ready: Callable[[], None] = _nobody_waits,
    ) -> Attempt:
        """Run one full SMTP transaction and say what it came to; never later than ``until``, and never raise."""
        if settings.reuse is None or member.command:
            return await self._speak(Dialogue, member, envelope, settings=settings, until=until)
        line = self._lines.to(member)
        errand = Errand(member, envelope, settings=settings, until=until, line=line, clock=self._clock, ready=ready)
        try:
            async with line.turn(errand, within=until - self._clock.now()):
                if attempt := await self._over_kept(errand):
                    return attempt
                return await self._speak(Dialogue, member, envelope, settings=settings, until=until, errand=errand)
        except NoTurn:
            return _not_tried("its turn on the kept connection did not come", errand.log())

    async def close(self) -> None:
        """Take leave of every member whose connection was kept."""
        await self._lines.close()

    async def ask(self, member: Member, envelope: Envelope, *, settings: SmtpSettings, until: datetime) -> Attempt:
        """Ask by MAIL and RCPT whether mail would be taken; never later than ``until``, and never raise."""
        if settings.reuse:
            await self._lines.to(member).close()  # never are there two connections to a member
        return await self._speak(Enquiry, member, envelope, settings=settings, until=until)

    async def _over_kept(self, errand: Errand) -> Attempt | None:
        with self._standstill.noticed() as stood_still:
            if (takeover := await errand.over_kept()) is None:
                return None
            visited = Visited(takeover.ended, takeover.kept.connection.tls)
            return _attempt(_excused(visited, takeover.log, stood_still()), takeover.log)

    async def _speak(
        self,
        dialogue: type[Dialogue],
        member: Member,
        envelope: Envelope,
        *,
        settings: SmtpSettings,
        until: datetime,
        errand: Errand | None = None,
    ) -> Attempt:
        begun = errand.log if errand else partial(Log, self._clock)
        try:
            context = self._context(settings)
        except OSError as error:  # ssl.SSLError is one
            reason = f"the CA certificates in {settings.ca_file} cannot be used: {error}"
            return _not_tried(reason, begun())
        login = settings.login
        try:
            settings = await self._with_token(settings, member, until=until)
        except TokenTrouble as trouble:
            return _not_tried(f"there is no token to log in with: {trouble}", begun(), stage=Stage.AUTH)
        visiting = partial(self._visited, member, envelope, dialogue, settings=settings, context=context, until=until)
        if member.behind_vip:
            longest = settings.timeouts.total
            attempt = await search(member, visiting, clock=self._clock, longest=longest, until=until)
        else:
            attempt = await visiting(None, log=begun(), errand=errand)
        if isinstance(login, TokenLogin) and self._tokens and attempt.stage is Stage.AUTH and attempt.reply:
            self._tokens.refused(login.grant)
        return attempt

    async def _visited(
        self,
        member: Member,
        envelope: Envelope,
        dialogue: type[Dialogue],
        answerer: Answerer | None,
        *,
        settings: SmtpSettings,
        context: ssl.SSLContext | None,
        until: datetime,
        log: Log | None = None,
        errand: Errand | None = None,
    ) -> Attempt:
        """Pay one visit; with an ``answerer`` whoever answers is first asked for his name."""
        log = log or Log(self._clock)
        end = min(log.dialled + settings.timeouts.total, until - log.began)
        if end <= log.dialled:
            return _not_tried("no time was left to send it", log)
        visit = Visit(
            replace(member, name=VIP, behind_vip=()) if answerer else member,
            envelope,
            settings=settings,
            context=context,
            log=log,
            end=end,
            dialogue=dialogue,
            errand=errand,
            answerer=answerer,
        )
        with self._standstill.noticed() as stood_still:
            visited = _excused(await visit.pay(), log, stood_still())
        # A second look through a VIP might show the certificate of another member.
        if visited.distrusted and answerer is None:
            shown = await self._distrusted(member, envelope, settings=settings, left=end - log.elapsed())
            visited = replace(visited, tls=replace(shown, offered=visited.tls.offered))
        return _attempt(visited, log)

    async def _with_token(self, settings: SmtpSettings, member: Member, *, until: datetime) -> SmtpSettings:
        """Return settings that hold a token where they named a grant. Raises TokenTrouble."""
        login = settings.login
        if not isinstance(login, TokenLogin):
            return settings
        assert self._tokens is not None, "who speaks to members by tokens is given their source"
        try:
            async with asyncio.timeout((until - self._clock.now()).total_seconds()):
                token = await self._tokens.fetched(login.grant)
        except TimeoutError as exc:
            raise TokenTrouble(f"{login.grant.token_url} did not answer in time") from exc
        host = settings.certified_name(member)
        return replace(settings, login=Bearer(login.username, token, host, member.port))

    async def _distrusted(
        self, member: Member, envelope: Envelope, *, settings: SmtpSettings, left: timedelta
    ) -> TlsSeen:
        """Fetch a certificate that did not pass, unverified; not one command follows that handshake."""
        # STARTTLS is demanded even where it was optional: without it the visit would hand the message over again.
        tls = Tls.IMPLICIT if settings.tls is Tls.IMPLICIT else Tls.STARTTLS
        unverified = replace(settings, tls=tls, verify=False)
        context, end = self._context(unverified), min(left, _INSPECTION)
        visit = Visit(member, envelope, settings=unverified, context=context, log=Log(self._clock), end=end)
        return (await visit.pay(only_secure=True)).tls

    def _context(self, settings: SmtpSettings) -> ssl.SSLContext | None:
        """Return the TLS context for these settings; a CA file that was exchanged is read again."""
        if settings.tls is Tls.NONE:
            return None
        changed = settings.ca_file.stat().st_mtime_ns if settings.ca_file else 0
        key = (settings.verify, settings.ca_file, changed)
        if key not in self._contexts:
            self._contexts[key] = client_context(verify=settings.verify, ca_file=settings.ca_file)
        return self._contexts[key]


def _excused(visited: Visited, log: Log, stood_still: timedelta) -> Visited:
    """Take the blame for what a server may have answered while nobody listened."""
    ended = visited.ended
    to_blame = stood_still > max(_STOOD_STILL, log.elapsed() / 10)
    if ended is None or ended.ending is not Ending.UNREACHABLE or not to_blame:
        return visited
    reason = f"the probe itself stood still for {stood_still.total_seconds():.1f} s; {ended.reason}"
    return replace(visited, ended=replace(ended, ending=Ending.NOT_TRIED, reason=reason))


def _not_tried(reason: str, log: Log, *, stage: Stage = Stage.CONNECT) -> Attempt:
    return _attempt(Visited(Ended(Ending.NOT_TRIED, stage, reason)), log)


def _attempt(visited: Visited, log: Log) -> Attempt:
    tls, ended, replied = visited.tls, visited.ended, log.replied_after(Stage.BODY)
    assert ended is not None
    return Attempt(
        ended.ending,
        ended.stage,
        ended.reason,
        log.began,
        first_byte=log.first_byte,
        accepted=log.began + replied if replied and ended.ending is Ending.ACCEPTED else None,
        smtp_time=replied - log.dialled if replied else None,
        reply=ended.reply,
        stages=log.stages,
        transcript=tuple(log.exchanges),
        certificate_expiry=expiry(tls.chain[0]) if tls.chain else None,
        tls=tls,
    )
