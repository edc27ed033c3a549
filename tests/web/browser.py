"""A real Chromium that talks to nobody but the page, and remembers what it complained about."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from playwright.async_api import Browser, Page, Request, Route, async_playwright, expect

Scheme = Literal["light", "dark"]
CHROMIUM = "/usr/bin/chromium"
_ARGUMENTS = (
    "--no-sandbox",  # it runs as root, and sees nothing but our own page
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.*",
)
expect.set_options(timeout=30_000)  # however much else the machine has to do
WIDE = (1280, 900)
NARROW = (390, 844)


@dataclass
class Tab:
    """A page in the browser, and what went wrong in it."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    """What the console said: errors of scripts, and what the Content-Security-Policy kept from happening."""
    strangers: list[str] = field(default_factory=list)
    """What was asked for elsewhere."""


@asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    """Run a browser with a profile of its own."""
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=list(_ARGUMENTS))
        try:
            yield running
        finally:
            await running.close()


@asynccontextmanager
async def tab(
    running: Browser,
    *,
    scheme: Scheme = "light",
    size: tuple[int, int] = WIDE,
    script: bool = True,
    login: tuple[str, str] | None = None,
) -> AsyncIterator[Tab]:
    """Open a tab."""
    width, height = size
    context = await running.new_context(
        color_scheme=scheme,
        viewport={"width": width, "height": height},
        java_script_enabled=script,
        reduced_motion="reduce",
        http_credentials={"username": login[0], "password": login[1]} if login else None,
    )
    opened = Tab(await context.new_page())
    opened.page.on("pageerror", lambda error: opened.complaints.append(str(error)))
    opened.page.on("console", lambda said: opened.complaints.append(said.text) if said.type == "error" else None)
    await context.route("**/*", lambda route, request: _let_through(opened, route, request))
    try:
        yield opened
    finally:
        await context.close()


async def _let_through(opened: Tab, route: Route, request: Request) -> None:
    if (urlsplit(request.url).hostname or "").startswith("127."):
        await route.continue_()
    else:
        opened.strangers.append(request.url)
        await route.abort()
