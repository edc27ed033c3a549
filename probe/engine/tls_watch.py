"""Watches the TLS of a domain's exchangers: what the probes saw of it, beside what the domain publishes about it.

Nothing is dialled for it but name servers and the policy host, and nothing follows from it but what people read.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from probe.engine.happenings import Attempted, Happening, MembersKnown, Reporter, TlsJudged
from probe.engine.supervision import Loop
from probe.model.settings import Member, Pool, SmtpSettings
from probe.model.tls_findings import Published, ServerTls, TlsFindings
from probe.model.tls_judge import judge
from probe.model.tls_seen import UNSEEN, TlsSeen
from probe.ports import Clock, TlsPolicies

FIRST_WITHIN = timedelta(seconds=30)
"""How long the first judgement waits for probes of all members."""
EVERY = timedelta(hours=1)
"""How often what is published is looked up: policies live for weeks (RFC 8461 3.2)."""
AGAIN = timedelta(minutes=5)
"""How soon again where something could not be: a fault of a minute must not be told for an hour."""
PACE = timedelta(minutes=1)
"""The shortest time between two judgements."""


async def findings(
    published: Published,
    seen: Mapping[Member, TlsSeen],
    policies: TlsPolicies,
    *,
    settings: SmtpSettings,
    now: datetime,
) -> TlsFindings:
    """Judge members by what was seen of each."""
    servers: dict[str, ServerTls] = {}
    for member, tls in seen.items():
        shown = policies.shown(tls, ca_file=settings.ca_file, now=now)
        servers[member.name] = ServerTls(*door(member), tls, shown)
        await asyncio.sleep(0)  # verifying takes milliseconds each: others must not wait for all of them
    return judge(published, servers, now=now)


def door(member: Member) -> tuple[str, int]:
    """Return the host and port by which the records of a member are found."""
    return member.hostname or member.address or member.name, member.port


class TlsWatch:
    """Keep the findings on one pool current."""

    def __init__(self, pool: Pool, domain: str, policies: TlsPolicies, *, clock: Clock, report: Reporter) -> None:
        self._pool = pool
        self._domain = domain
        self._policies = policies
        self._clock = clock
        self._report = report
        self._members: Sequence[Member] = ()
        self._seen: dict[str, TlsSeen] = {}
        self._published: Published | None = None
        self._due = clock.now()
        self._all_seen = asyncio.Event()
        self._changed = asyncio.Event()

    def members_known(self, members: Sequence[Member]) -> None:
        """Hear who the members are."""
        if members != self._members:
            self._changed.set()
        self._members = members
        self._seen = {member.name: self._seen.get(member.name, UNSEEN) for member in members}

    def saw(self, member: str, tls: TlsSeen) -> None:
        """Hear what a probe saw; one that came to nothing changes nothing."""
        if not tls.tells or member not in self._seen:
            return
        if self._seen[member] != tls:
            self._changed.set()
        self._seen[member] = tls
        if all(seen.tells for seen in self._seen.values()):
            self._all_seen.set()

    async def run(self) -> None:
        """Judge soon, and then when something changed, or what is published is to be looked up again."""
        await self._clock.wait(self._all_seen, FIRST_WITHIN.total_seconds())
        while True:
            self._changed.clear()
            await self._judge()
            await self._clock.sleep(PACE.total_seconds())
            await self._clock.wait(self._changed, (self._due - self._clock.now()).total_seconds())

    async def _judge(self) -> None:
        published = await self._known()
        seen = {member: self._seen[member.name] for member in self._members}
        judged = await findings(published, seen, self._policies, settings=self._pool.smtp, now=self._clock.now())
        self._report(TlsJudged(self._pool.name, judged))

    async def _known(self) -> Published:
        """Return what is published, looked up where that is due, or where there are servers it does not speak of."""
        doors = {door(member) for member in self._members}
        if self._published is None or self._clock.now() >= self._due or not doors <= set(self._published.tlsa):
            self._published = await self._policies.published(self._domain, doors)
            self._due = self._clock.now() + (AGAIN if self._published.in_doubt else EVERY)
        return self._published


class TlsWatches:
    """Keep the findings on all pools of exchangers current, if anybody wants them; a Reporter."""

    def __init__(
        self, pools: Mapping[str, Pool], policies: TlsPolicies | None, *, clock: Clock, report: Reporter
    ) -> None:
        self._watches = {
            name: TlsWatch(pool, domain, policies, clock=clock, report=report)
            for name, pool in pools.items()
            if policies and (domain := pool.mail_domain)
        }

    def __call__(self, happening: Happening) -> None:
        """Hear who the members are, and what probes saw of them."""
        match happening:
            case MembersKnown(pool, members) if watch := self._watches.get(pool):
                watch.members_known(members)
            case Attempted(probe, attempt) if watch := self._watches.get(probe.pool):
                watch.saw(probe.member, attempt.tls)

    def loops(self) -> Iterator[Loop]:
        """Yield what is to go on all the time."""
        return (watch.run for watch in self._watches.values())
