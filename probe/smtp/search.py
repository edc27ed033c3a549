"""Dials a VIP until the member that is wanted answers: one dial at a time, with a pause between, and not for ever."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from probe.model.behind_vip import Dial, most_dials, preceded, unmet
from probe.model.reply import Attempt, Ending
from probe.model.settings import Member
from probe.ports import Clock
from probe.smtp.answerer import Answerer

PAUSE = timedelta(milliseconds=100)
"""Between one dial and the next."""


async def search(
    member: Member,
    dial: Callable[[Answerer], Awaitable[Attempt]],
    *,
    clock: Clock,
    longest: timedelta,
    until: datetime,
) -> Attempt:
    """Dial by ``dial`` until the member answers, and say what came of it; the last dial begins within ``longest``.

    It also begins in the first half of the time until ``until``: who is found late must not be short of time.
    """
    began = clock.now()
    last = began + min(longest, (until - began) / 2)
    astray: list[Dial] = []
    while True:
        answerer = Answerer(member)
        attempt = await dial(answerer)
        failed_ourselves = answerer.is_nobody and attempt.ending is Ending.NOT_TRIED
        if answerer.is_wanted or failed_ourselves:
            return preceded(attempt, member, astray)
        astray.append(Dial(attempt, answerer.member, answerer.stranger))
        if len(astray) >= most_dials(len(member.behind_vip)) or clock.now() + PAUSE > last:
            return unmet(member, astray)
        await clock.sleep(PAUSE.total_seconds())
