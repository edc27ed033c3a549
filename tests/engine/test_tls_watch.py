"""When the TLS of exchangers is judged anew, and by what."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from probe.engine.happenings import Happening, TlsJudged
from probe.engine.tls_watch import AGAIN, EVERY, FIRST_WITHIN, PACE, TlsWatch, findings
from probe.model.certificate import Certificate, Shown
from probe.model.settings import Discovery, DiscoveryKind, Member, Pool, SmtpSettings
from probe.model.sts import StsMode, StsPolicy
from probe.model.tls_findings import Finding, Published, Source, StsAnswer, TlsaAnswer, Word
from probe.model.tls_seen import UNSEEN, TlsSeen
from tests.engine.fakes import NOON, FakeClock

MX1 = Member("mx", "mx1-v4", "127.0.0.11", 25, "mx1.lab.test")
MX2 = Member("mx", "mx2-v4", "127.0.0.12", 25, "mx2.lab.test")
TLS = TlsSeen(offered=True, chain=(b"mx1.lab.test",), whole=True)
IN_CLEAR = TlsSeen(offered=False)


class FakePolicies:
    """A TlsPolicies whose domain has a policy, and whose certificates are the names they are for."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.asked: list[tuple[datetime, str, frozenset[tuple[str, int]]]] = []
        self.sts = StsAnswer(StsPolicy(StsMode.ENFORCE, ("*.lab.test",), timedelta(days=1)))
        self.tlsa = TlsaAnswer()

    async def published(self, domain: str, servers: Collection[tuple[str, int]]) -> Published:
        self.asked.append((self._clock.now(), domain, frozenset(servers)))
        return Published(domain, self.sts, mx_secure=False, tlsa=dict.fromkeys(servers, self.tlsa))

    def shown(self, seen: TlsSeen, *, ca_file: Path | None, now: datetime) -> Shown | None:
        if not seen.chain:
            return None
        leaf = Certificate(seen.chain[0], None, (seen.chain[0].decode(),), NOON, NOON + timedelta(days=60))
        return Shown(leaf, trusted=True)


class Watched:
    """A watch of two exchangers that runs, and what it said when."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.policies = FakePolicies(self.clock)
        self.said: list[tuple[timedelta, TlsJudged]] = []
        pool = Pool("mx", discovery=Discovery(DiscoveryKind.MX, "lab.test"))
        self.watch = TlsWatch(pool, "lab.test", self.policies, clock=self.clock, report=self._report)
        self.watch.members_known([MX1, MX2])

    @property
    def times(self) -> list[timedelta]:
        return [at for at, _ in self.said]

    @property
    def last(self) -> dict[str, list[Word]]:
        servers = self.said[-1][1].findings.servers
        return {name: [finding.word for finding in findings] for name, findings in servers.items()}

    async def advance(self, duration: timedelta) -> None:
        await self.clock.advance(duration.total_seconds())

    def _report(self, happening: Happening) -> None:
        assert isinstance(happening, TlsJudged)
        self.said.append((self.clock.now() - NOON, happening))


def watched(story: Callable[[Watched], Awaitable[None]]) -> None:
    async def whole() -> None:
        scene = Watched()
        running = asyncio.create_task(scene.watch.run())
        try:
            await story(scene)
        finally:
            running.cancel()

    asyncio.run(whole())


def test_the_first_judgement_comes_as_soon_as_all_members_were_seen() -> None:
    async def story(scene: Watched) -> None:
        await scene.advance(timedelta(seconds=5))
        scene.watch.saw("mx1-v4", TLS)
        await scene.advance(timedelta(seconds=1))
        assert scene.said == []
        scene.watch.saw("mx2-v4", IN_CLEAR)
        await scene.advance(timedelta(0))
        assert scene.times == [timedelta(seconds=6)]
        assert scene.last == {"mx1-v4": [], "mx2-v4": [Word.STARTTLS_NOT_SUPPORTED]}
        assert scene.policies.asked == [
            (scene.clock.now(), "lab.test", frozenset({("mx1.lab.test", 25), ("mx2.lab.test", 25)}))
        ]

    watched(story)


def test_a_member_that_is_never_seen_does_not_hold_it_up() -> None:
    async def story(scene: Watched) -> None:
        scene.watch.saw("mx1-v4", TLS)
        await scene.advance(FIRST_WITHIN)
        assert scene.times == [FIRST_WITHIN]
        assert scene.last == {"mx1-v4": [], "mx2-v4": [Word.NOT_JUDGED]}

    watched(story)


def test_what_is_published_is_looked_up_once_an_hour() -> None:
    async def story(scene: Watched) -> None:
        await scene.advance(FIRST_WITHIN + EVERY * 2)
        assert [at - NOON for at, _, _ in scene.policies.asked] == [FIRST_WITHIN + EVERY * hour for hour in range(3)]
        assert len(scene.said) == 3

    watched(story)


@pytest.mark.parametrize(
    "sts, tlsa, soon",
    [
        (StsAnswer(fault=Finding(Word.STS_POLICY_FETCH_ERROR, Source.MTA_STS, "no answer")), TlsaAnswer(), True),
        (StsAnswer(), TlsaAnswer(trouble="no answer"), True),
        (StsAnswer(fault=Finding(Word.STS_POLICY_INVALID, Source.MTA_STS, "no mode")), TlsaAnswer(), False),
        (StsAnswer(), TlsaAnswer(), False),
    ],
)
def test_what_could_not_be_looked_up_is_looked_up_again_soon(sts: StsAnswer, tlsa: TlsaAnswer, soon: bool) -> None:
    async def story(scene: Watched) -> None:
        scene.policies.sts, scene.policies.tlsa = sts, tlsa
        await scene.advance(FIRST_WITHIN)
        scene.policies.sts, scene.policies.tlsa = StsAnswer(), TlsaAnswer()
        await scene.advance(AGAIN)
        assert len(scene.policies.asked) == 1 + soon
        await scene.advance(AGAIN)
        assert len(scene.policies.asked) == 1 + soon

    watched(story)


def test_a_certificate_that_changed_is_judged_soon_by_what_is_known_already() -> None:
    async def story(scene: Watched) -> None:
        scene.watch.saw("mx1-v4", TLS)
        await scene.advance(FIRST_WITHIN + PACE * 5)
        scene.watch.saw("mx1-v4", TlsSeen(offered=True, chain=(b"www.lab.test",), whole=True))
        await scene.advance(timedelta(0))
        assert scene.times == [FIRST_WITHIN, FIRST_WITHIN + PACE * 5]
        assert scene.last["mx1-v4"] == [Word.CERTIFICATE_HOST_MISMATCH]
        assert len(scene.policies.asked) == 1

    watched(story)


def test_what_changes_all_the_time_is_judged_once_a_minute() -> None:
    async def story(scene: Watched) -> None:
        for turn in range(100):
            await scene.advance(timedelta(seconds=6))
            scene.watch.saw("mx1-v4", (TLS, IN_CLEAR)[turn % 2])
        gaps = {after - before for before, after in zip(scene.times, scene.times[1:], strict=False)}
        assert gaps == {PACE}

    watched(story)


def test_the_same_certificate_again_is_no_news() -> None:
    async def story(scene: Watched) -> None:
        scene.watch.saw("mx1-v4", TLS)
        await scene.advance(FIRST_WITHIN + PACE * 2)
        scene.watch.saw("mx1-v4", TLS)
        scene.watch.saw("mx1-v4", UNSEEN)
        scene.watch.saw("gone", IN_CLEAR)
        await scene.advance(PACE * 2)
        assert scene.times == [FIRST_WITHIN]

    watched(story)


def test_members_that_come_are_looked_up_and_those_that_go_are_forgotten() -> None:
    async def story(scene: Watched) -> None:
        mx3 = Member("mx", "mx3-v4", "127.0.0.13", 25, "mx3.lab.test")
        scene.watch.saw("mx1-v4", TLS)
        await scene.advance(FIRST_WITHIN + PACE * 2)
        scene.watch.members_known([MX1, mx3])
        await scene.advance(timedelta(0))
        assert scene.last == {"mx1-v4": [], "mx3-v4": [Word.NOT_JUDGED]}
        assert scene.policies.asked[-1][2] == {("mx1.lab.test", 25), ("mx3.lab.test", 25)}
        scene.watch.members_known([mx3])
        await scene.advance(PACE)
        assert scene.last == {"mx3-v4": [Word.NOT_JUDGED]}
        assert len(scene.policies.asked) == 2, "those that are left are known"

    watched(story)


def test_others_have_their_turn_between_one_certificate_and_the_next() -> None:
    done: list[str] = []

    class Noting(FakePolicies):
        def shown(self, seen: TlsSeen, *, ca_file: Path | None, now: datetime) -> Shown | None:
            done.append("certificate")
            return super().shown(seen, ca_file=ca_file, now=now)

    async def another() -> None:
        done.append("another")

    async def story() -> None:
        policies, published = Noting(FakeClock()), Published("lab.test")
        waiting = asyncio.create_task(another())
        await findings(published, {MX1: TLS, MX2: TLS}, policies, settings=SmtpSettings(), now=NOON)
        await waiting

    asyncio.run(story())
    assert done == ["certificate", "another", "certificate"]
