"""Asks many servers about one address: side by side, but as slowly as strangers should."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import timedelta

from probe.model.consensus import Asked
from probe.model.message import Envelope
from probe.model.reply import Attempt
from probe.model.settings import Member, SmtpSettings
from probe.ports import Clock, Enquirer

MOST_AT_ONCE = 64

Watch = Callable[[Member, Attempt | None], None]
"""Is told of every server that is asked now (None), and of what came of it."""


async def ask_all(
    members: Sequence[Member],
    envelope: Envelope,
    *,
    settings: SmtpSettings,
    pause: timedelta,
    enquirer: Enquirer,
    clock: Clock,
    watch: Watch,
) -> Sequence[Asked]:
    """Ask every member, in their order and with a pause between their beginnings; return what each came to.

    No endpoint gets two connections at a time, even where several members share it.
    """
    doors, at_once = defaultdict[str, asyncio.Lock](asyncio.Lock), asyncio.Semaphore(MOST_AT_ONCE)

    async def ask(member: Member) -> Asked:
        async with doors[member.endpoint], at_once:
            watch(member, None)
            until = clock.now() + settings.timeouts.total
            attempt = await enquirer.ask(member, envelope, settings=settings, until=until)
            watch(member, attempt)
        return Asked(member, attempt)

    asking = []
    async with asyncio.TaskGroup() as group:
        for number, member in enumerate(members):
            if number:
                await clock.sleep(pause.total_seconds())
            asking.append(group.create_task(ask(member)))
    return [each.result() for each in asking]
