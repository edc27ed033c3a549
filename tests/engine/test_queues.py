"""Who wants the same thing has it one by one, and of what nobody wants nothing is kept."""

import asyncio

from probe.engine.queues import Queues


async def visit(queues: Queues[str], key: str, name: str, told: list[str], leave: asyncio.Event) -> None:
    async with queues.turn(key) as ready:
        told.append(f"{name} in")
        await leave.wait()
        ready()
        told.append(f"{name} out")


def test_they_go_one_by_one_and_nothing_is_kept_afterwards() -> None:
    async def play() -> None:
        queues: Queues[str] = Queues()
        told: list[str] = []
        leave = asyncio.Event()
        visits = [asyncio.create_task(visit(queues, "mta1", name, told, leave)) for name in ("a", "b")]
        visits.append(asyncio.create_task(visit(queues, "mta2", "c", told, leave)))
        await asyncio.sleep(0)
        assert (told, len(queues)) == (["a in", "c in"], 2)
        leave.set()
        await asyncio.gather(*visits)
        assert told == ["a in", "c in", "a out", "c out", "b in", "b out"]
        assert len(queues) == 0

    asyncio.run(play())


def test_the_next_one_may_be_let_in_before_the_end() -> None:
    async def play() -> None:
        queues: Queues[str] = Queues()
        async with queues.turn("mta1") as ready:
            ready()
            async with asyncio.timeout(30), queues.turn("mta1"):
                assert len(queues) == 1
        assert len(queues) == 0

    asyncio.run(play())


def test_who_gives_up_waiting_leaves_nothing_behind() -> None:
    async def play() -> None:
        queues: Queues[str] = Queues()
        told: list[str] = []
        async with queues.turn("mta1"):
            waiting = asyncio.create_task(visit(queues, "mta1", "a", told, asyncio.Event()))
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            assert len(queues) == 1
        assert (told, len(queues)) == ([], 0)

    asyncio.run(play())
