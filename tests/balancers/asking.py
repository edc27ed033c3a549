"""Programs that ask the probe as balancers do: what it may say to them, and how they are run."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing

from tests.balancers.haproxy import free_port
from tests.web.serving import World

PATIENCE_SECONDS = 20
SAYS = {"up": "mta1", "down": "mta2", "no such member": "mta9", "gone": "mta1", "silent": "mta1"}
"""What the probe says, or is, with the member that it is asked about."""


@asynccontextmanager
async def probe(says: str) -> AsyncIterator[str]:
    """Give the URL of a probe that says this: the real endpoint, or one where nobody answers."""
    if says == "gone":
        yield f"http://127.0.0.1:{free_port('127.0.0.1')}"
    elif says == "silent":
        with closing(socket.create_server(("127.0.0.1", 0))) as silent:
            yield f"http://127.0.0.1:{silent.getsockname()[1]}"
    else:
        async with World().served() as client:
            yield str(client.base_url).rstrip("/")


async def shell(script: str, *arguments: str, **environment: str) -> tuple[int, str]:
    """Run a script under sh, and return its exit code and what it prints; it must not complain."""
    process = await asyncio.create_subprocess_exec(
        *("sh", "-c", script, "script", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"PATH": os.environ["PATH"], **environment},
    )
    printed, complaints = await asyncio.wait_for(process.communicate(), PATIENCE_SECONDS)
    assert complaints == b""
    assert process.returncode is not None
    return process.returncode, printed.decode()
