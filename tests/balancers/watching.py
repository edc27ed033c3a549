"""Watching a real HAProxy: whom it leads mail to, moment by moment."""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.balancers.haproxy import HAProxy, Served

LOOK_EVERY_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen at one moment, by time.monotonic()."""

    at: float
    servers: Mapping[str, Served]

    @property
    def out(self) -> set[str]:
        """Return who gets no mail."""
        return {name for name, server in self.servers.items() if not server.gets_mail}


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of a backend, look by look."""

    looks: list[Look] = field(default_factory=list)

    @property
    def ejected(self) -> set[str]:
        """Return who got no mail at any moment."""
        return {name for look in self.looks for name in look.out}

    @property
    def out_now(self) -> set[str]:
        """Return who got no mail when it was last looked."""
        return self.looks[-1].out if self.looks else set()

    @property
    def most_out(self) -> int:
        """Return how many at the most got no mail at the same moment."""
        return max((len(look.out) for look in self.looks), default=0)

    def out_since(self, moment: float) -> Mapping[str, float]:
        """Return when each that got no mail after a moment was first seen so."""
        looks = [look for look in self.looks if look.at >= moment]
        return {name: look.at for look in reversed(looks) for name in look.out}

    def back_since(self, moment: float) -> Mapping[str, float]:
        """Return when each server was first seen to get mail after a moment."""
        looks = [look for look in self.looks if look.at >= moment]
        return {name: look.at for look in reversed(looks) for name in set(look.servers) - look.out}


@contextmanager
def watching(haproxy: HAProxy) -> Iterator[Mapping[str, Seen]]:
    """Look at all backends all the time, as long as the block lasts."""
    seen = {backend: Seen() for backend in haproxy.servers()}
    over = threading.Event()

    def watch() -> None:
        while not over.wait(LOOK_EVERY_SECONDS):
            backends, at = haproxy.servers(), time.monotonic()
            for backend, servers in backends.items():
                seen[backend].looks.append(Look(at, servers))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join()
    assert all(each.looks for each in seen.values()), "HAProxy was never asked"
