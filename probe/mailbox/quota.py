"""How full a mailbox is, where its server tells (RFC 9208), asked seldom."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from imapclient.exceptions import IMAPClientError

from probe.mailbox.pushclient import PushClient
from probe.model.trouble import Quota
from probe.ports import Clock

EVERY = timedelta(minutes=1)
RESOURCES = ("STORAGE", "MESSAGE")


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
        if not self._client.has_capability("QUOTA"):
            return
        try:
            _, told = self._client.get_quota_root("INBOX")
        except IMAPClientError:
            return  # No quota, or none that we may know of: that is no trouble.
        for each in told:
            resource = str(each.resource).upper()
            if resource in RESOURCES:
                yield Quota(resource, int(each.usage), int(each.limit))
