"""Routes on which members are only asked whether they would take mail."""

from dataclasses import replace
from datetime import timedelta

import pytest

from probe.engine.happenings import Ended
from probe.model.message import Envelope
from probe.model.outcome import Outcome, Stage, State
from probe.model.reply import Ending
from probe.model.settings import Retry
from probe.ports import MailboxTrouble
from tests.engine.fakes import NOON
from tests.engine.scene import DEADLINE, SECOND, Scene, a_probe, on_scene, route, settings, way
from tests.engine.test_evidence import ended
from tests.engine.test_verdicts import FOUR, INTERVAL, Thinking

PATIENT = Retry(attempts=3, first=2 * SECOND)


def outcomes(scene: Scene) -> list[Outcome]:
    return [ended.record.judgement.outcome for ended in scene.of(Ended) if ended.record.judgement]


@on_scene
async def test_a_member_is_asked_by_the_envelope_of_the_route_and_sent_nothing(scene: Scene) -> None:
    await scene.dispatcher.turn(way(only_asks=True), 1)
    assert [asked.envelope for asked in scene.sender.asked] == [Envelope("probe@lab.test", "monitor@lab.test")]
    assert scene.sender.sent == []


@pytest.mark.parametrize(
    "ending, outcome",
    [
        (Ending.ACCEPTED, Outcome.ACCEPTED),
        (Ending.REFUSED, Outcome.REJECTED),
        (Ending.REFUSED_FOR_NOW, Outcome.DEFERRED),
        (Ending.UNREACHABLE, Outcome.UNREACHABLE),
        (Ending.NOT_TRIED, Outcome.UNKNOWN),
    ],
)
@on_scene
async def test_it_ends_with_the_answer_and_waits_for_no_mailbox(scene: Scene, ending: Ending, outcome: Outcome) -> None:
    scene.sender.always["mta1"] = ending
    probe_id = await scene.dispatcher.turn(way(only_asks=True), 1)
    assert outcomes(scene) == [outcome]
    assert probe_id
    record = await scene.record(probe_id)
    assert (record.probe.mailbox, record.finished) == (None, NOON)
    assert scene.expected == []
    assert scene.flight.all() == []


@on_scene
async def test_it_is_asked_again_like_a_message_is_sent_again(scene: Scene) -> None:
    scene.sender.script["mta1"] = [Ending.REFUSED_FOR_NOW, Ending.UNREACHABLE]
    await scene.dispatcher.turn(way(only_asks=True, retry=PATIENT), 1)
    assert outcomes(scene) == []
    await scene.advance(9)
    assert outcomes(scene) == [Outcome.ACCEPTED]
    assert len(scene.sender.asked) == 3


@on_scene
async def test_one_that_was_cut_off_is_unknown_at_its_deadline_though_no_mailbox_is_read(scene: Scene) -> None:
    # Given
    asking = settings("mta1", routes=(route(only_asks=True),))
    assert await scene.ledger.claim(a_probe(mailbox=None, bounces=None, expected=Outcome.ACCEPTED))

    # When
    scene.mailbox.trouble[None] = MailboxTrouble("gone")
    async with scene.working(scene.engine(asking)):
        await scene.advance(DEADLINE.total_seconds() - 1)
        before = outcomes(scene)
        await scene.advance(2)

    # Then
    assert before == []
    assert outcomes(scene) == [Outcome.UNKNOWN]
    record = await scene.record(a_probe().id)
    assert record.judgement
    assert record.judgement.reason == "asking was cut off"


# What load balancers hear of it.


class Asking(Thinking):
    """Verdicts on a pool whose members are asked on one route, and sent messages on another."""

    def __init__(self, scene: Scene, *names: str, sends: bool = True):
        sent = (route(),) if sends else ()
        super().__init__(scene, *names, asked=settings(*names, routes=(*sent, ASKED)))
        self._asked = 0

    async def ask(self, *, pause: timedelta = timedelta(0), **outcomes: Outcome) -> None:
        """Let a round of asking end, in which all would take mail but those named."""
        began = self.scene.clock.now() - NOON
        for name in self.names:
            self._asked += 1
            outcome = outcomes.get(name, Outcome.ACCEPTED)
            record = ended(100_000 + self._asked, outcome, name=name, on=ASKED.name, started=began, took=timedelta(0))
            probe = replace(record.probe, mailbox=None, bounces=None, expected=ASKED.expect)
            self.verdicts(Ended(replace(record, probe=probe)))
        await self.scene.advance(pause.total_seconds())


ASKED = route("asked", only_asks=True, expect=Outcome.ACCEPTED)


@on_scene
async def test_where_nothing_is_sent_acceptances_call_members_up(scene: Scene) -> None:
    asking = Asking(scene, *FOUR, sends=False)
    for _ in range(2):
        await asking.ask(pause=INTERVAL)
    assert asking.states == dict.fromkeys(FOUR, State.UP)


@pytest.mark.parametrize("sends", [True, False])
@on_scene
async def test_who_cannot_be_asked_is_called_down_and_comes_back_by_acceptances(scene: Scene, sends: bool) -> None:
    asking = Asking(scene, *FOUR, sends=sends)
    await asking.ask(pause=INTERVAL)
    for _ in range(3):
        await asking.ask(pause=INTERVAL, mta3=Outcome.UNREACHABLE)
    assert [name for name in FOUR if asking.states[name] is State.DOWN] == ["mta3"]
    told = []
    for _ in range(2):
        await asking.ask(pause=INTERVAL)
        told.append(asking.states["mta3"])
    assert told == [State.DOWN, State.UP]


@pytest.mark.parametrize("asked_per_message", [1, 20, 100])
@on_scene
async def test_acceptances_keep_nobody_up_whose_mail_is_missing(scene: Scene, asked_per_message: int) -> None:
    asking = Asking(scene, *FOUR)
    for _ in range(3):
        await asking.ask()
        await asking.round()
    assert set(asking.states.values()) == {State.UP}
    for _ in range(3):
        for _ in range(asked_per_message):
            await asking.ask()
        await asking.round(mta3=Outcome.MISSING)
    assert [name for name in FOUR if asking.states[name] is State.DOWN] == ["mta3"]


@on_scene
async def test_acceptances_bring_nobody_up_whose_mail_is_missing(scene: Scene) -> None:
    asking = Asking(scene, *FOUR)
    for _ in range(3):
        await asking.round(mta3=Outcome.MISSING)
    told = []
    for _ in range(3):
        for _ in range(5):
            await asking.ask(pause=SECOND)
        told.append(asking.states["mta3"])
        await asking.round()
    # One delivery is not enough, however often it is asked.
    assert told == [State.DOWN, State.DOWN, State.UP]


@on_scene
async def test_acceptances_bring_nobody_up_of_a_pool_whose_mail_is_missing_everywhere(scene: Scene) -> None:
    asking = Asking(scene, *FOUR)
    for _ in range(5):
        await asking.ask()
        await asking.round(**dict.fromkeys(FOUR, Outcome.MISSING))
    assert set(asking.states.values()) == {State.UNKNOWN}


@on_scene
async def test_three_of_four_that_lose_mail_are_known_though_all_accept_it(scene: Scene) -> None:
    asking = Asking(scene, *FOUR)
    for _ in range(3):
        await asking.ask()
        await asking.round()
    for _ in range(4):
        await asking.ask()
        await asking.round(**dict.fromkeys(FOUR[:3], Outcome.MISSING))
    assert sorted(asking.states.values()) == [State.DOWN, State.DOWN, State.UP, State.UP]
    assert sum(asking.of(name).guarded for name in FOUR) == 1


@on_scene
async def test_while_nobody_can_tell_of_messages_acceptances_count(scene: Scene) -> None:
    asking = Asking(scene, *FOUR)
    for _ in range(3):
        await asking.ask()
        await asking.round(**dict.fromkeys(FOUR, Outcome.UNKNOWN))
    assert set(asking.states.values()) == {State.UP}


@on_scene
async def test_a_refused_recipient_speaks_against_nobody(scene: Scene) -> None:
    asking = Asking(scene, *FOUR, sends=False)
    for _ in range(2):
        await asking.ask(pause=INTERVAL)
    scene.told.clear()
    for _ in range(4):
        began = scene.clock.now() - NOON
        record = ended(999, Outcome.REJECTED, on="asked", stage=Stage.RCPT, started=began, took=timedelta(0))
        probe = replace(record.probe, mailbox=None, bounces=None, expected=Outcome.ACCEPTED)
        asking.verdicts(Ended(replace(record, probe=probe)))
        await asking.ask(pause=INTERVAL, mta1=Outcome.UNKNOWN)
    assert State.DOWN not in asking.states.values()
