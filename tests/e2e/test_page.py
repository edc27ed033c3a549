"""As a new user would: the status page alone tells which member discards mail, since when, and shows the proof."""

import asyncio
import re

import pytest
from playwright.async_api import expect

from tests.e2e.conftest import Launch
from tests.e2e.program import Program
from tests.lab import Laboratory
from tests.web.browser import browser, tab

pytestmark = pytest.mark.lab


def test_the_page_alone_tells_which_member_discards_since_when_and_shows_the_proof(
    lab: Laboratory, launch: Launch
) -> None:
    asyncio.run(look(lab, launch()))


async def look(lab: Laboratory, program: Program) -> None:
    async with browser() as chromium, tab(chromium) as at:
        # Given a page that is open while all is well
        page = at.page
        await page.goto(f"http://{program.listen}/")
        headline = page.locator("#headline")
        await expect(headline).to_have_text("4 members up, none down")

        # When
        lab.member("mta3").discard()

        # Then it says so by itself
        await expect(headline).to_have_text("1 of 4 members down")
        told = page.locator(".notices li.bad")
        await expect(told).to_have_text(
            re.compile(r"^vip/mta3 is down for \d+ s: 3 probes in a row missing: it was accepted, and was not in .*")
        )
        await expect(told.locator("time")).to_have_attribute(
            "title", re.compile(r"^20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC$")
        )
        await expect(page.locator('tr[data-member="mta3"] .strip a.bad.missing').first).to_be_visible()

        # and one click shows that it was taken, and was not there
        await told.get_by_role("link", name="the proof").click()
        await expect(page.locator("p.proof")).to_have_text(
            re.compile(
                r"^The member took it at .* UTC and said “250 2\.0\.0 .*queued as .*”\. Read at .* UTC: all of monitor"
            )
        )
        await expect(page.locator("tr.body code")).to_contain_text("queued as")
        assert (at.complaints, at.strangers) == ([], [])
