"""The pictures of the pages in docs/images, taken anew by `python -m tests.web.screenshots`."""

import asyncio
import tempfile
from dataclasses import replace
from pathlib import Path

from playwright.async_api import Browser

from probe.demo.behaviour import Behaviour
from probe.demo.system import MEMBERS, MailSystem
from tests.web.browser import WIDE, Scheme, browser, tab
from tests.wiring.site import Running, running

IMAGES = Path(__file__).parents[2] / "docs" / "images"
_HEALTHY_SECONDS = 22
"""Two of the members begin to discard after that."""
_FAULTY_SECONDS = 16
_LATELY = ("steady",)
_HEALTH = {"rise": 2, "fall": 3, "min_healthy": 1}


async def take(images: Path) -> None:
    """Run the demo's mail system, let it fail, and take the pictures."""
    system = MailSystem(replace(member, port=0) for member in MEMBERS)
    with tempfile.TemporaryDirectory(prefix="mailflow-pictures-") as home:
        async with system, running(system, Path(home), instance="probe-a", routes=_routes(), health=_HEALTH) as site:
            await asyncio.sleep(_HEALTHY_SECONDS)
            for name in _LATELY:
                system.members[name].behaviour = Behaviour(discard=True)
            await asyncio.sleep(_FAULTY_SECONDS)
            async with browser() as chromium:
                await _picture(chromium, site, "/", images / "status-light.png", "light")
                await _picture(chromium, site, "/", images / "status-dark.png", "dark")
                await _picture(chromium, site, await _lost(site), images / "probe.png", "light")


def _routes() -> dict[str, object]:
    route = {"pool": "vip", "mailbox": "monitor", "from": "probe@demo.test"}
    return {"inbound": route | {"interval": "1s", "deadline": "5s", "late_until": "1h"}}


async def _lost(site: Running) -> str:
    lost = (await site.get("/api/v1/probes?outcome=missing&limit=1")).json()["probes"][0]
    return f"/probes/{lost['id']}"


async def _picture(chromium: Browser, site: Running, path: str, file: Path, scheme: Scheme) -> None:
    async with tab(chromium, scheme=scheme, size=WIDE) as shown:
        await shown.page.goto(f"http://127.0.0.1:{site.daemon.port}{path}")
        await asyncio.sleep(1.5)  # so that what is live is live
        await shown.page.screenshot(path=file, full_page=True)


if __name__ == "__main__":
    IMAGES.mkdir(parents=True, exist_ok=True)
    asyncio.run(take(IMAGES))
