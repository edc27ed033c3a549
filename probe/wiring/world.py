"""Everything outside that an engine works with, made from the settings."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from probe import discover, mailbox
from probe.bounces import BounceReader
from probe.engine.engine import World
from probe.ledger import open_ledger
from probe.model.settings import Settings, TagKey
from probe.net.clock import SystemClock
from probe.net.descriptors import allow_many
from probe.oauth import TokenSource
from probe.ports import Ledger, Tokens
from probe.smtp import SmtpSender
from probe.tlspolicy import DnsTlsPolicies

LEDGER_KEY = "ledger"
"""The id of the tag key that is kept in the ledger."""


@asynccontextmanager
async def open_world(settings: Settings, tokens: Tokens | None = None) -> AsyncIterator[World]:
    """Open the ledger and make all adapters; nothing is connected to yet. Raises LedgerTrouble.

    ``tokens`` outlive it where they are given.
    """
    allow_many()
    clock = SystemClock()
    tokens = tokens or TokenSource(clock)
    async with open_ledger(settings.state, instance=settings.instance, clock=clock) as ledger:
        speaker = SmtpSender(clock, tokens)
        yield World(
            clock=clock,
            ledger=ledger,
            sender=speaker,
            enquirer=speaker,
            mailboxes={box.name: mailbox.access(box, clock, tokens=tokens) for box in settings.mailboxes.values()},
            reports=BounceReader(),
            finders={
                pool.name: discover.finder(pool, settings.resolver)
                for pool in settings.pools.values()
                if pool.discovery
            },
            tls_policies=DnsTlsPolicies(settings.resolver),
        )


async def tag_keys(settings: Settings, ledger: Ledger) -> tuple[TagKey, ...]:
    """Return the configured keys, or the one that is kept in the ledger. Raises LedgerTrouble."""
    return settings.tag_keys or (TagKey(LEDGER_KEY, await ledger.tag_key()),)
