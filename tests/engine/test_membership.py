"""Which members a pool has."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from probe.engine.happenings import DiscoveryFailed, MembersKnown
from probe.engine.membership import FIRST_BACK_OFF, LONGEST_BACK_OFF, Membership
from probe.model.origin import Origin
from probe.model.settings import Discovery, DiscoveryKind, Member, Pool
from probe.ports import DiscoveryTrouble, Found
from tests.engine.fakes import FakeFinder
from tests.engine.scene import SECOND, Scene, member, on_scene

TTL = 60 * SECOND
BY_MX = Discovery(DiscoveryKind.MX, "lab.test")
TROUBLE = DiscoveryTrouble("no name server answers")


def found(*names: str, ttl: timedelta = TTL, note: str | None = None) -> Found:
    return Found(tuple(member(name) for name in names), ttl, note)


class Pooled:
    """A pool whose members are found by a script."""

    def __init__(self, scene: Scene, *answers: Found | DiscoveryTrouble, discovery: Discovery = BY_MX) -> None:
        self.welcomed: list[list[str]] = []
        self.finder = FakeFinder(answers)
        pool = Pool("vip", discovery=discovery)
        self.membership = Membership(
            pool, self.finder, clock=scene.clock, report=scene.told.append, welcome=self._welcome
        )
        scene.spawn(self.membership.run())

    @property
    def names(self) -> list[str]:
        return [each.name for each in self.membership.members]

    def _welcome(self, members: Sequence[Member]) -> None:
        self.welcomed.append([each.name for each in members])


@on_scene
async def test_members_that_are_written_down_are_known_at_once(scene: Scene) -> None:
    pool = Pool("vip", (member("mta1"), member("mta2")))
    welcomed: list[Sequence[Member]] = []
    membership = Membership(pool, None, clock=scene.clock, report=scene.told.append, welcome=welcomed.append)
    await membership.run()
    assert scene.told == [MembersKnown("vip", pool.members)]
    assert welcomed == [list(pool.members)]
    assert membership.tried.is_set()


@on_scene
async def test_members_are_looked_up_again_when_the_answers_time_is_over(scene: Scene) -> None:
    pooled = Pooled(scene, found("mta1"), found("mta1", "mta2"))
    await scene.advance(59)
    assert (pooled.finder.asked, pooled.names) == (1, ["mta1"])
    await scene.advance(1)
    assert (pooled.finder.asked, pooled.names) == (2, ["mta1", "mta2"])


@on_scene
async def test_only_who_is_new_is_welcomed(scene: Scene) -> None:
    pooled = Pooled(scene, found("mta1"), found("mta1", "mta2"), found("mta2"), found("mta1", "mta2"))
    await scene.advance(3 * 60)
    assert pooled.welcomed == [["mta1"], ["mta2"], [], ["mta1"]]
    assert [len(known.members) for known in scene.of(MembersKnown)] == [1, 2, 1, 2]


@on_scene
async def test_a_failed_look_up_keeps_the_last_good_set(scene: Scene) -> None:
    pooled = Pooled(scene, found("mta1"), TROUBLE)
    await scene.advance(600)
    assert pooled.names == ["mta1"]
    assert set(scene.of(DiscoveryFailed)) == {DiscoveryFailed("vip", str(TROUBLE))}
    assert len(scene.of(MembersKnown)) == 1


@on_scene
async def test_a_failed_look_up_is_tried_again_later_and_later(scene: Scene) -> None:
    pooled = Pooled(scene, TROUBLE, TROUBLE, TROUBLE, found("mta1", ttl=600 * SECOND), TROUBLE)
    seconds = FIRST_BACK_OFF.total_seconds()
    for asked, pause in enumerate((0, seconds, 2 * seconds, 4 * seconds, 600, seconds), start=1):
        await scene.advance(pause)
        assert pooled.finder.asked == asked
    await scene.advance(3600)
    before = pooled.finder.asked
    await scene.advance(LONGEST_BACK_OFF.total_seconds() * 10)
    assert pooled.finder.asked == before + 10


@on_scene
async def test_a_first_look_up_counts_as_tried_even_if_it_fails(scene: Scene) -> None:
    pooled = Pooled(scene, TROUBLE)
    assert not pooled.membership.tried.is_set()
    await scene.advance(0)
    assert pooled.membership.tried.is_set()


@on_scene
async def test_an_answer_without_members_is_an_answer(scene: Scene) -> None:
    pooled = Pooled(scene, found("mta1"), found(note="lab.test takes no mail"))
    await scene.advance(60)
    assert pooled.names == []
    assert scene.of(MembersKnown)[-1] == MembersKnown("vip", (), "lab.test takes no mail")


NAMED_BY = {
    Discovery(DiscoveryKind.MX, "lab.test"): "by mx1.lab.test, MX of lab.test with preference 10",
    Discovery(DiscoveryKind.SRV, "_smtp._tcp.lab.test"): "by mx1.lab.test, SRV of _smtp._tcp.lab.test with priority 10",
    Discovery(DiscoveryKind.HOST, "lab.test"): "by the addresses of lab.test",
    Discovery(DiscoveryKind.HAPROXY, "/run/h.sock", backend="mx"): "by HAProxy at /run/h.sock, backend mx",
}


@on_scene
async def test_a_member_that_is_found_says_by_whom_and_when(scene: Scene) -> None:
    exchanger = replace(member("mta1"), hostname="mx1.lab.test", preference=10)
    found_twice = (Found((exchanger,), TTL), Found((exchanger,), TTL))
    pools = {words: Pooled(scene, *found_twice, discovery=discovery) for discovery, words in NAMED_BY.items()}
    for passed in (0, 60):
        await scene.advance(passed)
        for words, pooled in pools.items():
            assert [each.origin for each in pooled.membership.members] == [Origin(words, scene.clock.now())]
            # What is found again is the same member all the same.
            assert pooled.membership.members == [exchanger]
