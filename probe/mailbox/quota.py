"""How full a mailbox is, where its server tells (RFC 9208), asked seldom."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta

from probe.mailbox.pushclient import PushClient
from probe.model.trouble import Quota
from probe.ports import Clock

EVERY = timedelta(minutes=1)
_LIMITS = re.compile(rb"\(([^()]*)\)\s*\Z")
_LIMIT = re.compile(rb"(?<!\S)(STORAGE|MESSAGE) (\d{1,18}) (\d{1,18})(?!\S)", re.IGNORECASE)


class QuotaWatch:
    """Remember the quota of the inbox, and ask for it anew from time to time."""

    def __init__(self, client: PushClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._asked: datetime | None = None
        self._quota: Quota | None = None

    def now(self) -> Quota | None:
        """Return the tightest limit of the inbox; None where the server offers none."""
        now = self._clock.now()
        if self._asked is None or not timedelta(0) <= now - self._asked < EVERY:
            self._asked = now
            self._quota = max(self._limits(), key=lambda quota: quota.ratio, default=None)
        return self._quota

    def _limits(self) -> Iterator[Quota]:
        # Not that of imapclient, which fails over an inbox without a quota, and quotes no names.
        told = self._client.quotas_of_inbox() if self._client.has_capability("QUOTA") else []
        for line in told:
            limits = _LIMITS.search(line) if isinstance(line, bytes) else None
            for limit in _LIMIT.finditer(limits[1]) if limits else ():
                yield Quota(limit[1].decode().upper(), int(limit[2]), int(limit[3]))
