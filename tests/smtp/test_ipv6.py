"""Members on IPv6 are spoken to like all others."""

from dataclasses import replace

import pytest

from probe.demo.smtp import SmtpServer
from probe.demo.store import Store
from probe.demo.system import ADDRESS
from probe.model.outcome import Stage
from probe.model.reply import Ending
from tests.smtp.conftest import Run
from tests.smtp.sending import ENVELOPE, PATIENT, send

TO_THE_DEMO = replace(ENVELOPE, recipient=ADDRESS)


@pytest.mark.parametrize("source", [None, "::1"])
def test_a_member_on_ipv6_takes_a_message(run: Run, source: str | None) -> None:
    async def story() -> None:
        store = Store()
        store.add_account(ADDRESS, "secret")
        async with SmtpServer(store, host="::1") as server:
            settings = replace(PATIENT, source_address=source)
            attempt = await send(server.port, address="::1", settings=settings, envelope=TO_THE_DEMO)
        assert attempt.ending is Ending.ACCEPTED, attempt.reason

    run(story())


def test_a_member_on_ipv6_that_refuses_connections_is_named_as_people_write_it(run: Run) -> None:
    async def story() -> None:
        async with SmtpServer(Store(), host="::1") as server:
            port = server.port
        attempt = await send(port, address="::1")
        assert (attempt.ending, attempt.stage) == (Ending.UNREACHABLE, Stage.CONNECT)
        assert attempt.reason == f"mta1 at [::1]:{port} cannot be connected to: Connection refused"

    run(story())


@pytest.mark.parametrize("source, address, shown", [("127.0.0.1", "::1", "[::1]"), ("::1", "127.0.0.1", "127.0.0.1")])
def test_a_source_address_of_the_other_family_proves_nothing_about_a_member(
    run: Run, source: str, address: str, shown: str
) -> None:
    async def story() -> None:
        attempt = await send(25, address=address, settings=replace(PATIENT, source_address=source))
        assert (attempt.ending, attempt.stage) == (Ending.NOT_TRIED, Stage.CONNECT)
        assert attempt.reason == f"source_address {source} cannot reach {shown}:25: IPv4 and IPv6 differ"

    run(story())
