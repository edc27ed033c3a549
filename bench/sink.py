"""Where the messages go: a mail system of many members in a process of its own, of which some can be frozen."""

import asyncio
import json
import resource
import subprocess
import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from probe.demo.behaviour import Behaviour
from probe.demo.system import MailSystem, Member
from probe.model.outcome import Stage

_FROZEN = Behaviour(hang_at=Stage.BANNER)
"""The connection is taken, and then nobody ever speaks."""


class Sink:
    """A mail system that runs while the context lasts."""

    def __init__(self, members: int) -> None:
        self._command = [sys.executable, "-m", "bench.sink", str(members)]

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        ports = json.loads(self._process.stdout.readline())
        self.imap_port: int = ports["imap"]
        self.members: dict[str, int] = ports["members"]
        """The port of each by its name."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._process:
            self._process.terminate()

    def freeze(self, members: Sequence[str]) -> None:
        """Let these members take connections and say nothing, from the next connection on."""
        assert self._process.stdin is not None
        self._process.stdin.write(" ".join(members) + "\n")
        self._process.stdin.flush()


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
