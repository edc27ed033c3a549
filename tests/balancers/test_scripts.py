"""The check scripts of docs/load-balancers.md, under sh, against the real endpoint: only "down" takes a member out."""

import asyncio
from pathlib import Path

import pytest

from tests.balancers.asking import PATIENCE_SECONDS, SAYS, probe, shell
from tests.balancers.recipes import PROBE_URL, recipe


def hasty(script: str, probe: str) -> str:
    assert PROBE_URL in script
    return script.replace(PROBE_URL, probe).replace("--max-time 3", "--max-time 0.5")


@pytest.mark.parametrize("says", SAYS)
def test_keepalived_hears_only_an_explicit_down(says: str) -> None:
    async def scenario() -> int:
        async with probe(says) as url:
            return (await shell(hasty(recipe("keepalived", "sh"), url), "vip", SAYS[says]))[0]

    assert asyncio.run(scenario()) == (1 if says == "down" else 0)


@pytest.mark.parametrize("says", SAYS)
def test_f5_hears_only_an_explicit_down(says: str, tmp_path: Path) -> None:
    script = recipe("F5 BIG-IP", "sh").replace("/var/run", str(tmp_path))

    async def scenario() -> str:
        async with probe(says) as url:
            return (await shell(hasty(script, url), "::ffff:192.0.2.11", "25", POOL="vip", MEMBER=SAYS[says]))[1]

    assert asyncio.run(scenario()) == ("" if says == "down" else "up\n")
    assert list(tmp_path.iterdir()) == []


def test_a_run_for_f5_that_still_goes_on_is_ended_by_the_next(tmp_path: Path) -> None:
    script = recipe("F5 BIG-IP", "sh").replace("/var/run", str(tmp_path))

    async def scenario() -> int:
        before = await asyncio.create_subprocess_exec("sleep", "60")
        (tmp_path / "mailflow.vip.mta1.pid").write_text(f"{before.pid}\n")
        async with probe("up") as url:
            await shell(hasty(script, url), POOL="vip", MEMBER="mta1")
        return await asyncio.wait_for(before.wait(), PATIENCE_SECONDS)

    assert asyncio.run(scenario()) == -15
