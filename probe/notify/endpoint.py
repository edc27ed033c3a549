"""One endpoint: told what is wrong until it has taken it, and reminded where it forgets."""

import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from probe.model.alarm import Alarm, AlarmKey, Lasting
from probe.model.settings import Notify, NotifyKind
from probe.notify.bodies import Origin, body
from probe.notify.posting import NotPosted
from probe.ports import Clock

log = logging.getLogger(__name__)

REPEAT = timedelta(minutes=1)
"""Alertmanager hears this often of what lasts, else it takes it for over."""
BELIEVED = 4 * REPEAT
"""How long Alertmanager believes what it has heard."""
MOST_AT_ONCE = 500
"""Alarms in one post."""
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=1), timedelta(minutes=1)
"""After a failure; each further one doubles the pause."""
REMEMBERED = timedelta(days=1)
"""What was over so long ago is not told any more to an endpoint that has taken nothing since."""

Post = Callable[[Notify, bytes], Awaitable[None]]
"""Posts a body. Raises NotPosted."""


def _nothing(_: AlarmKey) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Counts:
    """What was posted, by kind of endpoint, since the start of the program."""

    posted: Counter[NotifyKind] = field(default_factory=Counter)
    """Alarms, each time that they were taken."""
    failures: Counter[NotifyKind] = field(default_factory=Counter)
    """Posts that were not taken."""


class Endpoint:
    """Bring one endpoint to know what is wrong; there is no queue: what it has not taken yet is told as it is then."""

    def __init__(self, settings: Notify, counts: Counts, *, clock: Clock, post: Post) -> None:
        self.settings = settings
        self._counts = counts
        self._clock = clock
        self._post = post
        self._lasting = Lasting(settings.after)
        self._told: dict[AlarmKey, datetime] = {}
        """What it knows to be wrong, and when it heard of it last."""
        self._failed_in_a_row = 0
        self._not_before: datetime | None = None

    @property
    def told(self) -> Sequence[Alarm]:
        """Return what it was told to be wrong, and not yet that it is over."""
        return [self._lasting.known[key] for key in self._told]

    def restore(self, told: Iterable[Alarm]) -> None:
        """Take up what it was told before a restart; where it forgets, that is due again at once."""
        earlier = [alarm for alarm in told if alarm.key not in self._told]
        self._lasting.restore(earlier)
        self._told |= dict.fromkeys((alarm.key for alarm in earlier), self._clock.now() - REPEAT)

    async def tell(
        self,
        alarms: Iterable[Alarm],
        origin: Origin,
        *,
        silent: Callable[[AlarmKey], bool] = _nothing,
        in_doubt: Callable[[AlarmKey], bool] = _nothing,
    ) -> None:
        """Post what it does not know yet, in one or more posts.

        Of what is ``silent`` now neither that nor its end; and no end of what is ``in_doubt``.
        """
        now = self._clock.now()
        known = self._lasting.hear(alarms, now=now, in_doubt=in_doubt)
        due = [alarm for alarm in self._due(known, now) if not silent(alarm.key)]
        if self._pauses(now):
            return
        for first in range(0, len(due), MOST_AT_ONCE):
            if not await self._tell(due[first : first + MOST_AT_ONCE], origin):
                return

    def _due(self, known: Mapping[AlarmKey, Alarm], now: datetime) -> list[Alarm]:
        self._forget(known.values(), now)
        return [alarm for alarm in known.values() if alarm.over or self._is_news(alarm.key, now)]

    def _forget(self, known: Iterable[Alarm], now: datetime) -> None:
        """Let go of what is over, if the endpoint never heard of it, or nobody wants to know any more."""
        for alarm in list(known):
            if alarm.over and (alarm.key not in self._told or now - alarm.over > REMEMBERED):
                self._over(alarm.key)

    def _is_news(self, key: AlarmKey, now: datetime) -> bool:
        if key not in self._told:
            return True
        # Both ways, here and below: the clock may have been set.
        return self.settings.kind is NotifyKind.ALERTMANAGER and abs(now - self._told[key]) >= REPEAT

    def _pauses(self, now: datetime) -> bool:
        return self._not_before is not None and timedelta() < self._not_before - now <= LONGEST_PAUSE

    async def _tell(self, alarms: Sequence[Alarm], origin: Origin) -> bool:
        now = self._clock.now()
        try:
            await self._post(self.settings, body(self.settings.kind, alarms, origin, until=now + BELIEVED))
        except NotPosted as trouble:
            self._failed(str(trouble))
            return False
        self._succeeded()
        self._counts.posted[self.settings.kind] += len(alarms)
        for alarm in alarms:
            if alarm.over:
                self._over(alarm.key)
            else:
                self._told[alarm.key] = now
        return True

    def _over(self, key: AlarmKey) -> None:
        self._lasting.forget(key)
        self._told.pop(key, None)

    def _failed(self, reason: str) -> None:
        self._counts.failures[self.settings.kind] += 1
        pause = min(FIRST_PAUSE * 2 ** min(self._failed_in_a_row, 16), LONGEST_PAUSE)
        self._not_before = self._clock.now() + pause
        if not self._failed_in_a_row:
            log.error("notifications are not taken; they are tried again", extra=self._fields | {"reason": reason})
        self._failed_in_a_row += 1

    def _succeeded(self) -> None:
        if self._failed_in_a_row:
            log.info("notifications are taken again", extra=self._fields)
        self._failed_in_a_row, self._not_before = 0, None

    @property
    def _fields(self) -> dict[str, str]:
        # Not all of its URL: some hide a secret in the path.
        return {"kind": self.settings.kind.value, "host": urlsplit(self.settings.url).netloc}
