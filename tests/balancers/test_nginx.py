"""A real nginx: the shim that fails open, and the members that are written into its config."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import pytest

from tests.balancers.asking import PATIENCE_SECONDS, SAYS, probe, shell
from tests.balancers.haproxy import free_port
from tests.balancers.recipes import PROBE_URL, recipe
from tests.docs.running import run

_CONFIG = """\
daemon off;
pid nginx.pid;
error_log error.log;
events {{ }}
http {{
  access_log off;
{servers}
}}
"""


@asynccontextmanager
async def nginx(servers: str, home: Path, *, port: int) -> AsyncIterator[None]:
    """Run nginx until the block ends, once it listens on a port."""
    (home / "nginx.conf").write_text(_CONFIG.format(servers=servers))
    command = ("/usr/sbin/nginx", "-p", str(home), "-c", "nginx.conf", "-e", "error.log")
    process = await asyncio.create_subprocess_exec(*command)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not await _listens(port):
                assert process.returncode is None, (home / "error.log").read_text()
        yield
    finally:
        process.terminate()
        await asyncio.wait_for(process.wait(), PATIENCE_SECONDS)


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        await asyncio.sleep(0.02)
        return False
    writer.close()
    return True


def test_the_shim_passes_the_word_of_the_probe_and_says_200_where_there_is_none(tmp_path: Path) -> None:
    ports = {says: free_port("127.0.0.1") for says in SAYS}

    async def scenario() -> Mapping[str, int]:
        async with AsyncExitStack() as running:
            urls = {says: await running.enter_async_context(probe(says)) for says in SAYS}
            servers = "".join(_shim(urls[says], member, ports[says]) for says, member in SAYS.items())
            await running.enter_async_context(nginx(servers, tmp_path, port=ports["up"]))
            client = await running.enter_async_context(httpx.AsyncClient(trust_env=False))
            asked = {says: client.get(f"http://127.0.0.1:{port}/mail-verdict") for says, port in ports.items()}
            return {says: (await answer).status_code for says, answer in asked.items()}

    assert asyncio.run(scenario()) == {says: 503 if says == "down" else 200 for says in SAYS}


def _shim(probe: str, member: str, port: int) -> str:
    text = recipe("A shim that fails open", "nginx")
    assert f"{PROBE_URL}/health/vip/mta1" in text
    text = text.replace(f"{PROBE_URL}/health/vip/mta1", f"{probe}/health/vip/{member}")
    return text.replace("9849", str(port)).replace("timeout 2s", "timeout 500ms")


@pytest.mark.parametrize("says", ["up", "gone", "silent"])
def test_members_are_written_as_servers_and_stay_where_the_probe_does_not_answer(says: str, tmp_path: Path) -> None:
    # Given
    file, told = tmp_path / "vip.conf", tmp_path / "told"
    file.write_text("server 192.0.2.11:25;\n")
    (tmp_path / "nginx").write_text(f'#!/bin/sh\necho "$*" >>{told}\n')
    (tmp_path / "nginx").chmod(0o755)

    async def scenario() -> None:
        async with probe(says) as url:
            script = recipe("nginx", "sh").replace(PROBE_URL, url).replace("--max-time 5", "--max-time 0.5")
            for _ in range(2):
                await shell(f"PATH={tmp_path}:$PATH\n{script}", str(file))

    # When
    asyncio.run(scenario())

    # Then
    if says == "up":
        assert file.read_text() == "server 127.0.0.1:2525;\nserver 127.0.0.1:2525 down;\n"
        assert told.read_text() == "-t -q\n-s reload\n"
    else:
        assert file.read_text() == "server 192.0.2.11:25;\n"
        assert not told.exists()


def test_nginx_takes_what_was_written(tmp_path: Path) -> None:
    (tmp_path / "vip.conf").write_text("server 127.0.0.1:2525;\nserver 127.0.0.2:2525 down;\n")
    stream = recipe("nginx", "nginx").replace("/etc/nginx/mailflow", str(tmp_path))
    module = "load_module /usr/lib/nginx/modules/ngx_stream_module.so;"
    (tmp_path / "nginx.conf").write_text(f"{module}\npid nginx.pid;\nevents {{ }}\nstream {{\n{stream}\n}}\n")
    checked = run("nginx", "-t", "-p", str(tmp_path), "-c", "nginx.conf", "-e", "error.log", cwd=tmp_path)
    assert checked.returncode == 0, checked.stderr
