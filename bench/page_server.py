"""A web server in a process of its own whose board holds many members, each with a full strip, and goes on living."""

import asyncio
import json
import random
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from bench.child import Child
from probe.engine.board import Board
from probe.engine.happenings import Ended, Judged
from probe.engine.strips import STRIP
from probe.model.outcome import State
from probe.model.probe import Record
from probe.model.settings import Member, Pool
from probe.model.verdict import Verdict
from tests.metrics.boards import NOW, delivered, fresh_board, missing, settings
from tests.web.serving import World

INTERVAL_SECONDS = 60
"""Each member has a probe as often."""
_LOSING = 20
"""One in so many members loses every message."""


class PageServer(Child):
    """Serve while the context lasts."""

    def __init__(self, members: int) -> None:
        super().__init__("bench.page_server", str(members))

    @property
    def url(self) -> str:
        """Where it serves."""
        return str(self.said["url"])

    @property
    def strips_bytes(self) -> int:
        """What the strips take in its memory."""
        return int(self.said["strips_bytes"])


def names(members: int) -> list[str]:
    """Return what the members are called."""
    return [f"mta{number:05}" for number in range(members)]


def full_board(members: int) -> Board:
    """Return a board on which every member has a full strip; of some all messages are lost."""
    asked = settings()
    pool = Pool("vip", tuple(Member("vip", name, "127.0.0.1", 2525) for name in names(members)))
    board = fresh_board(replace(asked, pools={"vip": pool}))
    for name in names(members):
        for record in records(name, STRIP):
            board(Ended(record))
        losing = _loses(name)
        state, reason = (
            (State.DOWN, "3 probes in a row missing") if losing else (State.UP, "2 probes in a row delivered")
        )
        board(Judged("vip", name, Verdict(state, reason, NOW, (f"{name}x0",), NOW), None))
    return board


def records(member: str, many: int) -> Iterator[Record]:
    """Return so many finished probes of a member, a minute apart."""
    dice = random.Random(member)
    for number in range(many):
        record = missing("") if _loses(member) else delivered("")
        probe = replace(record.probe, id=f"{dice.getrandbits(100):025x}"[:20], member=member)
        at = timedelta(minutes=number)
        arrival = record.arrival and replace(record.arrival, seen=NOW + timedelta(seconds=dice.expovariate(20)))
        yield replace(record, probe=probe, arrival=arrival, finished=NOW + at)


def _loses(member: str) -> bool:
    return int(member[3:]) % _LOSING == 0


async def _serve(members: int) -> None:
    world = World(full_board(members))
    async with world.served() as client:
        print(json.dumps({"url": str(client.base_url), "strips_bytes": _size(world.board, members)}), flush=True)
        while True:
            for name in names(members):
                for record in records(name, 1):
                    world.report(Ended(record))
                await asyncio.sleep(INTERVAL_SECONDS / members)


def _size(board: Board, members: int) -> int:
    """Return what the strips take beside what the evidence has anyway: ids and moments are the same objects there."""
    boxes = [box for name in names(members) for box in board.strips.of("vip", name)["inbound"]]
    return sum(sys.getsizeof(box) + sys.getsizeof(box.delivery_time) for box in boxes)


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
