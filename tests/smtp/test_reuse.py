"""Connections that are kept: one for many messages, never held against a member, and left politely."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from probe.model.message import Envelope
from probe.model.outcome import Stage
from probe.model.reply import Attempt, Ending
from probe.model.secret import Secret
from probe.model.settings import Login, Member, ProxyProtocol, SmtpSettings, Timeouts
from probe.net.clock import SystemClock
from probe.smtp import SmtpSender
from probe.smtp import kept as kept_module
from probe.smtp import line as line_module
from probe.smtp.line import Lines
from tests.smtp.conftest import Run
from tests.smtp.scripted import DOT, Act, Scripted, close, hang, reset, saying, scripted
from tests.smtp.sending import ENVELOPE, HASTY, PATIENT

KEEPING = replace(PATIENT, reuse=timedelta(seconds=20))
PIPELINING = b"250-mx.test\r\n250 PIPELINING\r\n"
FRESH_ONLY = {Stage.CONNECT, Stage.BANNER, Stage.EHLO, Stage.STARTTLS, Stage.AUTH}
KNOWS_RSET: Mapping[str, Act] = {"RSET": b"250 2.0.0 ok\r\n"}
GROUPING: Mapping[str, Act] = {**KNOWS_RSET, "EHLO": PIPELINING}


def nth(number: int, act: Act, otherwise: Act) -> Act:
    """Do this the n-th time it is asked for, in all sessions together, and else the other."""
    asked = 0

    async def counted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        doing = act if asked == number else otherwise
        if isinstance(doing, bytes):
            writer.write(doing)
        else:
            await doing(reader, writer)

    return counted


@dataclass
class Site:
    """A server, and a sender to it that keeps connections."""

    server: Scripted
    sender: SmtpSender
    settings: SmtpSettings = KEEPING
    clock: SystemClock = field(default_factory=SystemClock)

    @property
    def member(self) -> Member:
        return Member("vip", "mta1", "127.0.0.1", self.server.port)

    async def send(
        self,
        envelope: Envelope = ENVELOPE,
        *,
        settings: SmtpSettings | None = None,
        ready: Callable[[], None] = lambda: None,
    ) -> Attempt:
        until = self.clock.now() + timedelta(seconds=20)
        return await self.sender.send(
            self.member, envelope, settings=settings or self.settings, until=until, ready=ready
        )

    def said(self, verb: bytes) -> int:
        return sum(line.startswith(verb) for line in self.server.heard)


@asynccontextmanager
async def site(changes: Mapping[str, Act] = KNOWS_RSET, settings: SmtpSettings = KEEPING) -> AsyncIterator[Site]:
    async with scripted(changes) as server:
        made = Site(server, SmtpSender(SystemClock()), settings)
        try:
            yield made
        finally:
            await made.sender.close()


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - what happens in a server of its own, or to a connection, tells nobody
            await asyncio.sleep(0.005)


def test_several_messages_go_over_one_connection_with_rset_between_them(run: Run) -> None:
    async def story() -> None:
        async with site() as here:
            attempts = [await here.send() for _ in range(3)]
            assert [attempt.ending for attempt in attempts] == [Ending.ACCEPTED] * 3
            assert (here.server.sessions, here.said(b"RSET"), here.said(b"QUIT")) == (1, 2, 0)
            assert here.server.heard[8:10] == [b"RSET", b"MAIL FROM:<probe@lab.test> SIZE=23"]

    run(story())


def test_by_default_each_message_has_a_connection_of_its_own(run: Run) -> None:
    async def story() -> None:
        async with site(settings=PATIENT) as here:
            for _ in range(2):
                assert not any(exchange.reused for exchange in (await here.send()).transcript)
            assert (here.server.sessions, here.said(b"RSET"), here.said(b"QUIT")) == (2, 0, 2)

    run(story())


def test_what_went_over_a_kept_connection_has_no_times_of_an_opening_and_says_so(run: Run) -> None:
    async def story() -> None:
        async with site() as here:
            first, second = await here.send(), await here.send()
        assert {Stage.CONNECT, Stage.BANNER, Stage.EHLO} <= set(first.stages)
        assert set(second.stages) == {Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.BODY}
        assert all(exchange.reused for exchange in second.transcript)
        assert [exchange.sent.split()[0] for exchange in second.transcript[:2]] == ["RSET", "MAIL"]
        rset, mail = second.transcript[:2]
        assert second.stages[Stage.MAIL] == mail.took  # the time of RSET is not in it
        assert second.smtp_time
        assert second.smtp_time >= rset.took + mail.took

    run(story())


def test_where_it_is_offered_rset_begins_the_group(run: Run) -> None:
    async def story() -> None:
        async with site(GROUPING) as here:
            await here.send()
            second = await here.send()
        group = second.transcript[:4]
        assert [exchange.sent.split()[0] for exchange in group] == ["RSET", "MAIL", "RCPT", "DATA"]
        assert all(exchange.pipelined for exchange in group)
        assert len({exchange.at for exchange in group}) == 1

    run(story())


async def side_by_side(here: Site) -> list[Attempt]:
    """Hand a second message over as soon as the sender is ready for it, and wait for both."""
    ready = asyncio.Event()
    first = asyncio.create_task(here.send(ready=ready.set))
    await ready.wait()
    second = asyncio.create_task(here.send())
    return [await first, await second]


def slow(act: Act) -> Act:
    """Take a while, so that who is ready can be handed over."""

    async def acting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.1)
        if isinstance(act, bytes):
            writer.write(act)
        else:
            await act(reader, writer)

    return acting


def buffered(reader: asyncio.StreamReader) -> bytes:
    """Return what the server has received and not looked at."""
    return bytes(reader._buffer)  # type: ignore[attr-defined]


def test_a_text_and_the_commands_of_the_next_go_out_in_one_group(run: Run) -> None:
    heard_at_the_dot: list[int] = []

    async def story() -> None:
        async with site({**GROUPING, "DATA": b"354 go on\r\n", "RCPT": slow(b"250 ok\r\n")}) as here:
            # The server holds the reply to the first dot back until it has heard what follows.
            async def waits_for_more(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                if not heard_at_the_dot:
                    await until(lambda: b"DATA\r\n" in buffered(reader))
                    heard_at_the_dot.append(buffered(reader).count(b"\r\n"))
                writer.write(b"250 2.0.0 queued\r\n")

            here.server.answers = {**here.server.answers, DOT: waits_for_more}
            first, second = await side_by_side(here)
            assert (first.ending, second.ending) == (Ending.ACCEPTED, Ending.ACCEPTED)
            assert heard_at_the_dot == [4]  # RSET, MAIL, RCPT and DATA
            assert here.server.sessions == 1
            assert all(exchange.pipelined and exchange.reused for exchange in second.transcript[:4])

    asyncio.run(story())


def test_without_pipelining_the_next_waits_for_the_reply_to_the_text(run: Run) -> None:
    async def story() -> None:
        async with site({**KNOWS_RSET, "RCPT": slow(b"250 ok\r\n")}) as here:
            first, second = await side_by_side(here)
            assert (first.ending, second.ending) == (Ending.ACCEPTED, Ending.ACCEPTED)
            assert here.server.sessions == 1
            assert not any(exchange.pipelined for exchange in second.transcript)

    run(story())


def test_whoever_follows_has_the_whole_time_for_itself(run: Run) -> None:
    async def story() -> None:
        long = timedelta(seconds=1.5)
        settings = replace(KEEPING, timeouts=Timeouts(long, long, long))

        async def takes_a_second(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await asyncio.sleep(1)
            writer.write(b"250 2.0.0 queued\r\n")

        async with site({**GROUPING, "RCPT": slow(b"250 ok\r\n"), DOT: takes_a_second}, settings) as here:
            first, second = await side_by_side(here)
            assert (first.ending, second.ending, here.server.sessions) == (Ending.ACCEPTED, Ending.ACCEPTED, 1)

    run(story())


def test_whoever_has_nothing_that_can_be_said_disturbs_nobody(run: Run) -> None:
    async def story() -> None:
        async with site({**GROUPING, "RCPT": slow(b"250 ok\r\n")}) as here:
            ready = asyncio.Event()
            first = asyncio.create_task(here.send(ready=ready.set))
            await ready.wait()
            second = await here.send(replace(ENVELOPE, recipient="\u00fc@lab.test"))
            assert ((await first).ending, second.ending) == (Ending.ACCEPTED, Ending.NOT_TRIED)

    run(story())


@pytest.mark.parametrize(
    "refusal, ending", [(b"450 4.2.0 later\r\n", Ending.REFUSED_FOR_NOW), (b"554 5.7.1 no\r\n", Ending.REFUSED)]
)
def test_a_refused_text_takes_nothing_from_the_next(run: Run, refusal: bytes, ending: Ending) -> None:
    async def story() -> None:
        dot = nth(1, refusal, b"250 2.0.0 queued\r\n")
        async with site({**GROUPING, "RCPT": slow(b"250 ok\r\n"), DOT: dot}) as here:
            first, second = await side_by_side(here)
            assert (first.ending, first.stage) == (ending, Stage.BODY)
            assert (second.ending, here.server.sessions) == (Ending.ACCEPTED, 1)

    run(story())


@pytest.mark.parametrize("fault", [close, reset, saying(b"hello?\r\n", hang)], ids=["close", "reset", "garbage"])
def test_a_lost_reply_to_the_text_leaves_the_first_in_doubt_and_the_next_goes_over_a_new_connection(
    run: Run, fault: Act
) -> None:
    async def story() -> None:
        dot = nth(1, fault, b"250 2.0.0 queued\r\n")
        async with site({**GROUPING, "RCPT": slow(b"250 ok\r\n"), DOT: dot}) as here:
            first, second = await side_by_side(here)
            assert (first.ending, first.stage) == (Ending.IN_DOUBT, Stage.BODY)
            assert second.ending is Ending.ACCEPTED
            assert here.server.sessions == 2
            # What it said in vain is there to be read, and its times are those of the new connection.
            assert [exchange.sent.split()[0] for exchange in second.transcript[:4]] == ["RSET", "MAIL", "RCPT", "DATA"]
            assert not any(exchange.reply for exchange in second.transcript[:4])
            assert Stage.CONNECT in second.stages

    run(story())


def test_a_421_after_the_text_sends_the_next_over_a_new_connection(run: Run) -> None:
    async def story() -> None:
        dot = nth(1, saying(b"421 4.3.2 going down\r\n", close), b"250 2.0.0 queued\r\n")
        async with site({**GROUPING, "RCPT": slow(b"250 ok\r\n"), DOT: dot}) as here:
            first, second = await side_by_side(here)
            assert (first.ending, first.stage) == (Ending.REFUSED_FOR_NOW, Stage.BODY)
            assert (second.ending, here.server.sessions) == (Ending.ACCEPTED, 2)

    run(story())


@pytest.mark.parametrize("offer", [PIPELINING, b"250 mx.test\r\n"], ids=["pipelined", "one by one"])
@pytest.mark.parametrize(
    "changes",
    [
        lambda: {"RSET": b"502 5.5.1 what?\r\n"},
        lambda: {"RSET": saying(b"421 4.7.0 one is enough\r\n", close)},
        lambda: {"RSET": close},
        lambda: {"MAIL": nth(2, saying(b"421 too many messages\r\n", close), b"250 ok\r\n")},
        lambda: {"MAIL": nth(2, b"452 4.5.3 too many messages\r\n", b"250 ok\r\n")},
    ],
    ids=["rset unknown", "421 to rset", "closed at rset", "421 to mail", "refused mail"],
)
def test_a_server_that_takes_one_message_per_connection_is_learned(
    run: Run, changes: Callable[[], Mapping[str, Act]], offer: bytes
) -> None:
    async def story() -> None:
        async with site({**KNOWS_RSET, "EHLO": offer, **changes()}) as here:
            first, second = await here.send(), await here.send()
            # It is not held against the member, and nothing waits.
            assert (first.ending, second.ending) == (Ending.ACCEPTED, Ending.ACCEPTED)
            assert second.transcript[0].sent == "RSET"
            assert second.transcript[0].reused
            assert not second.transcript[-1].reused
            assert Stage.CONNECT in second.stages
            await until(lambda: here.said(b"QUIT") == 1)  # of the second; the first was closed in its middle
            for _ in range(2):
                assert (await here.send()).transcript[0].stage is Stage.BANNER
            assert (here.server.sessions, here.said(b"RSET"), here.said(b"QUIT")) == (4, 1, 3)

    run(story())


def test_a_server_that_closes_after_a_message_is_learned_without_a_trial(run: Run) -> None:
    async def story() -> None:
        async with site({**KNOWS_RSET, DOT: saying(b"250 2.0.0 queued\r\n", close)}) as here:
            await here.send()
            await asyncio.sleep(0.05)
            assert [(await here.send()).transcript[0].reused for _ in range(2)] == [False, False]
            assert (here.server.sessions, here.said(b"RSET")) == (3, 0)

    run(story())


def test_a_421_while_nothing_goes_on_closes_quietly(run: Run) -> None:
    async def story() -> None:
        async with site() as here:
            for _ in range(2):
                await here.send()
            (writer,) = here.server.writers
            writer.write(b"421 4.3.2 going down\r\n")
            await until(lambda: not here.server.writers)
            third = await here.send()
            assert (third.ending, third.transcript[0].stage) == (Ending.ACCEPTED, Stage.BANNER)
            # It had taken a second one: nothing is learned of that.
            assert (await here.send()).transcript[0].reused

    run(story())


@pytest.mark.parametrize("fault", [reset, hang, b"hello?\r\n"], ids=["reset", "hang", "garbage"])
def test_what_fails_over_a_kept_connection_proves_nothing(run: Run, fault: Act) -> None:
    async def story() -> None:
        hasty = replace(HASTY, reuse=timedelta(seconds=20))
        async with site({"RSET": nth(2, fault, b"250 ok\r\n")}, settings=hasty) as here:
            attempts = [await here.send() for _ in range(4)]
            assert [attempt.ending for attempt in attempts] == [Ending.ACCEPTED] * 4
            # The second went well over the connection: a later failure says nothing about how many it takes.
            assert [attempt.transcript[-1].reused for attempt in attempts] == [False, True, False, True]

    run(story())


def test_a_refusal_over_a_kept_connection_is_that_of_a_new_one_and_leaves_it_open(run: Run) -> None:
    async def story() -> None:
        refusing: Act = b"550 5.1.1 no such user\r\n"
        async with site({**GROUPING, "RCPT": nth(2, refusing, b"250 ok\r\n")}) as here:
            attempts = [await here.send() for _ in range(3)]
            assert [attempt.ending for attempt in attempts] == [Ending.ACCEPTED, Ending.REFUSED, Ending.ACCEPTED]
            assert attempts[1].stage is Stage.RCPT
            assert here.server.sessions == 1
            assert here.server.heard.count(b".") == 3  # one of them alone: DATA was agreed to without a recipient

    run(story())


def test_a_kept_connection_is_left_by_quit_when_its_time_is_over(run: Run) -> None:
    async def story() -> None:
        async with site(settings=replace(KEEPING, reuse=timedelta(milliseconds=50))) as here:
            await here.send()
            await until(lambda: here.said(b"QUIT") == 1)
            assert not (await here.send()).transcript[0].reused

    run(story())


def test_a_connection_is_not_used_for_ever_so_that_new_ones_are_tried_too(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        async with site() as here:
            for _ in range(2):
                await here.send()
            monkeypatch.setattr(kept_module, "OLDEST", timedelta())
            third = await here.send()
            assert (third.ending, third.transcript[0].stage) == (Ending.ACCEPTED, Stage.BANNER)
            assert (here.server.sessions, here.said(b"QUIT")) == (2, 1)
            monkeypatch.undo()
            assert (await here.send()).transcript[0].reused  # nothing is learned of it

    run(story())


def test_at_the_end_leave_is_taken_of_everybody(run: Run) -> None:
    async def story() -> None:
        async with site() as here:
            await here.send()
            await here.sender.close()
            assert here.said(b"QUIT") == 1

    run(story())


def test_a_frozen_server_holds_nobody_up_at_the_end(run: Run) -> None:
    async def story() -> None:
        async with site({**KNOWS_RSET, "QUIT": hang}) as here:
            await here.send()
            began = asyncio.get_running_loop().time()
            await here.sender.close()
            assert asyncio.get_running_loop().time() - began < 5

    run(story())


def test_who_only_asks_has_a_connection_of_his_own_and_no_other_stands_beside_it(run: Run) -> None:
    async def story() -> None:
        async with site() as here:
            await here.send()
            until = here.clock.now() + timedelta(seconds=20)
            asked = await here.sender.ask(here.member, ENVELOPE, settings=KEEPING, until=until)
            assert (asked.ending, asked.stage, asked.transcript[0].stage) == (
                Ending.ACCEPTED,
                Stage.RCPT,
                Stage.BANNER,
            )
            assert here.server.heard.index(b"QUIT") < here.server.heard.index(b"EHLO probe.test", 1)

    run(story())


def test_who_we_are_is_said_once_for_each_connection(run: Run) -> None:
    async def story() -> None:
        login = Login("user", Secret("secret"))
        settings = replace(KEEPING, proxy_protocol=ProxyProtocol.V1, login=login, login_without_tls=True)
        async with site({**KNOWS_RSET, "PROXY": b""}, settings=settings) as here:
            attempts = [await here.send() for _ in range(3)]
            assert [attempt.ending for attempt in attempts] == [Ending.ACCEPTED] * 3
            assert (here.said(b"PROXY"), here.said(b"AUTH"), here.server.sessions) == (1, 1, 1)
            assert Stage.AUTH in attempts[0].stages
            assert not FRESH_ONLY & set(attempts[2].stages)

    run(story())


def test_a_kept_connection_that_is_dead_leaves_time_for_a_new_one(run: Run) -> None:
    async def story() -> None:
        limits = Timeouts(*[timedelta(seconds=1)] * 3)  # all of the time would be gone with one reply
        settings = replace(KEEPING, timeouts=limits)
        async with site({"RSET": hang}, settings=settings) as here:
            await here.send()
            second = await here.send()
        assert second.ending is Ending.ACCEPTED
        assert second.transcript[0].took < timedelta(seconds=0.9)
        assert second.smtp_time
        assert second.smtp_time < timedelta(seconds=0.5)  # the time of the dead one is not in it

    run(story())


def test_other_settings_get_a_connection_of_their_own(run: Run) -> None:
    async def story() -> None:
        async with site() as here:
            await here.send()
            other = await here.send(settings=replace(KEEPING, lmtp=False, pipelining=False))
            assert not other.transcript[0].reused
            assert (here.server.sessions, here.said(b"QUIT")) == (2, 1)

    run(story())


def test_there_is_one_connection_at_a_time_however_many_wait(run: Run) -> None:
    async def story() -> None:
        async with site({**GROUPING, "EHLO": slow(PIPELINING)}) as here:
            attempts = await asyncio.gather(*(here.send() for _ in range(6)))
            assert {attempt.ending for attempt in attempts} == {Ending.ACCEPTED}
            assert here.server.sessions == 1

    run(story())


async def cancelled(task: asyncio.Task[Attempt]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_nobody_waits_for_a_turn_beyond_the_moment_that_was_set(run: Run) -> None:
    async def story() -> None:
        async with site({**GROUPING, "RCPT": hang}) as here:
            ready = asyncio.Event()
            first = asyncio.create_task(here.send(ready=ready.set))
            await ready.wait()
            soon = here.clock.now() + timedelta(milliseconds=100)
            async with asyncio.timeout(5):
                second = await here.sender.send(here.member, ENVELOPE, settings=KEEPING, until=soon)
            assert (second.ending, second.reason) == (Ending.NOT_TRIED, "its turn on the kept connection did not come")
            first.cancel()

    run(story())


def test_whoever_gives_up_after_speaking_takes_the_connection_along(run: Run) -> None:
    async def story() -> None:
        async with site({**GROUPING, "RCPT": slow(b"250 ok\r\n"), DOT: slow(b"250 ok\r\n")}) as here:
            ready, spoken = asyncio.Event(), asyncio.Event()
            first = asyncio.create_task(here.send(ready=ready.set))
            await ready.wait()
            second = asyncio.create_task(here.send(ready=spoken.set))
            await spoken.wait()  # behind the text of the first
            await cancelled(second)
            assert (await first).ending is Ending.ACCEPTED
            third = await here.send()
            assert (third.ending, third.transcript[0].reused, here.server.sessions) == (Ending.ACCEPTED, False, 2)

    run(story())


def test_cancellation_closes_the_connection_and_the_next_begins_anew(run: Run) -> None:
    async def story() -> None:
        async with site({**KNOWS_RSET, "RCPT": nth(2, hang, b"250 ok\r\n")}) as here:
            await here.send()
            second = asyncio.create_task(here.send())
            await until(lambda: here.said(b"RCPT") == 2)
            await cancelled(second)
            third = await here.send()
            assert (third.ending, third.transcript[0].reused) == (Ending.ACCEPTED, False)

    run(story())


def test_cancellation_while_leave_is_taken_closes_the_connection(run: Run) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async def story() -> None:
        async with site({**KNOWS_RSET, "QUIT": silent}) as here:
            await here.send()
            (kept,) = here.server.writers
            others = asyncio.create_task(here.send(settings=replace(KEEPING, ehlo="other.test")))
            await until(lambda: here.said(b"QUIT") == 1)
            others.cancel()
            await until(lambda: kept not in here.server.writers)

    run(story())


def test_a_server_may_say_as_much_over_each_message_as_over_the_first(run: Run) -> None:
    async def story() -> None:
        long = b"".join(b"250-%s\r\n" % (b"x" * 1900) for _ in range(100)) + b"250 ok\r\n"
        async with site({**KNOWS_RSET, "RCPT": long}) as here:
            assert [(await here.send()).ending for _ in range(6)] == [Ending.ACCEPTED] * 6
            assert here.server.sessions == 1

    run(story())


def test_no_more_connections_are_kept_than_there_is_room_for(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_module, "MOST_KEPT", 0)

    async def story() -> None:
        async with site() as here:
            await here.send()
            await until(lambda: here.said(b"QUIT") == 1)

    run(story())


def test_no_more_is_remembered_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_module, "MOST_LINES", 2)
    lines = Lines()
    members = [Member("vip", f"mta{number}", "127.0.0.1") for number in range(3)]
    first = lines.to(members[0])
    first.learn(members[0])
    assert lines.to(members[0]).one_each
    for member in members[1:]:
        lines.to(member)
    assert not lines.to(members[0]).one_each
