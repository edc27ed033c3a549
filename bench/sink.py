"""Where the messages go: a mail system of many members in a process of its own, of which some can be frozen."""

import asyncio
import json
import resource
import sys
from collections.abc import Sequence

from bench.child import Child
from probe.demo.behaviour import Behaviour
from probe.demo.system import MailSystem, Member
from probe.model.outcome import Stage

_FROZEN = Behaviour(hang_at=Stage.BANNER)
"""The connection is taken, and then nobody ever speaks."""


class Sink(Child):
    """A mail system that runs while the context lasts."""

    def __init__(self, members: int) -> None:
        super().__init__("bench.sink", str(members))

    @property
    def imap_port(self) -> int:
        """The port of its IMAP server."""
        return int(self.said["imap"])

    @property
    def members(self) -> dict[str, int]:
        """The port of each member by its name."""
        return dict(self.said["members"])

    def freeze(self, members: Sequence[str]) -> None:
        """Let these members take connections and say nothing, from the next connection on."""
        self.tell(" ".join(members))


async def _serve(members: int) -> None:
    async with MailSystem(Member(f"m{number:05}") for number in range(members)) as system:
        ports = {name: server.port for name, server in system.members.items()}
        print(json.dumps({"imap": system.imap.port, "members": ports}), flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            for name in line.split():
                system.members[name].behaviour = _FROZEN


if __name__ == "__main__":
    # A socket for each member, and as many again for those that are being spoken to.
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    asyncio.run(_serve(int(sys.argv[1])))
