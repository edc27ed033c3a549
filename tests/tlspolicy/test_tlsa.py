"""Looking TLSA records up: what is read, whose word on DNSSEC counts, and which failures do."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from probe.model.dane import Tlsa
from probe.model.settings import Resolver
from probe.model.tls_findings import Published, TlsaAnswer, Word
from probe.net.lookup import Lookup, vouches
from probe.tlspolicy import DnsTlsPolicies
from probe.tlspolicy.tlsa import tlsa
from tests.discover.server import Fault, name_server

RECORDS = f"mx1 300 IN A 127.0.0.11\n_25._tcp.mx1 300 IN TLSA 3 1 1 {'ab' * 32}\n"
HASTY = timedelta(milliseconds=300)
OURS = Tlsa(3, 1, 1, b"\xab" * 32)


def asked(
    records: str = RECORDS,
    *,
    secure: bool = True,
    faults: dict[tuple[str, str], Fault] | None = None,
) -> TlsaAnswer:
    async def whole() -> TlsaAnswer:
        async with name_server() as server:
            server.serve(records)
            server.secure, server.faults = secure, faults or {}
            lookup = Lookup(server.resolver, lifetime=HASTY)
            return await tlsa(lookup, "mx1.lab.test", 25, turns=asyncio.Semaphore())

    return asyncio.run(whole())


@pytest.mark.parametrize("secure", [True, False])
def test_records_are_as_good_as_their_signature(secure: bool) -> None:
    assert asked(secure=secure) == TlsaAnswer((OURS,), secure=secure)


def test_records_behind_an_alias_count() -> None:
    alias = f"mx1 300 IN A 127.0.0.11\n_25._tcp.mx1 300 IN CNAME shared\nshared 300 IN TLSA 3 1 1 {'ab' * 32}\n"
    assert asked(alias) == TlsaAnswer((OURS,), secure=True)


@pytest.mark.parametrize("records", ["", "mx1 300 IN A 127.0.0.11\n", "_25._tcp.mx1 300 IN A 127.0.0.1\n"])
def test_without_records_there_are_none(records: str) -> None:
    answer = asked(records)
    assert (answer.records, answer.counts, answer.trouble) == ((), False, None)


def test_only_so_many_records_are_looked_at() -> None:
    many = "".join(f"_25._tcp.mx1 300 IN TLSA 3 1 1 {number:064x}\n" for number in range(25))
    assert len(asked(many).records) == 20


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("secure", [True, False])
def test_a_failure_counts_only_in_a_signed_zone(fault: Fault, secure: bool) -> None:
    # RFC 7672 2.2.2: without that, name servers that fail such questions would make mail undeliverable.
    answer = asked(secure=secure, faults={("_25._tcp.mx1", "TLSA"): fault})
    assert (answer.trouble is not None) is secure
    assert answer.records == ()
    if answer.trouble:
        assert answer.trouble.startswith("senders that ask for TLSA records do not deliver: _25._tcp.mx1.lab.test")


def test_a_failure_where_nothing_can_be_looked_up_says_nothing() -> None:
    everything = {
        ("_25._tcp.mx1", "TLSA"): Fault.SERVFAIL,
        ("mx1", "A"): Fault.SERVFAIL,
        ("mx1", "AAAA"): Fault.SERVFAIL,
    }
    assert asked(faults=everything) == TlsaAnswer()


@pytest.mark.parametrize(
    "nameserver, configured, believed",
    [
        ("192.0.2.53", ("192.0.2.53",), True),
        ("192.0.2.53", ("192.0.2.54", "192.0.2.53"), True),
        ("192.0.2.53", (), False),
        ("2001:db8::53", (), False),
        ("127.0.0.53", (), True),
        ("::1", (), True),
        (None, ("192.0.2.53",), False),
    ],
)
def test_only_who_is_configured_or_on_this_host_is_believed(
    nameserver: str | None, configured: tuple[str, ...], believed: bool
) -> None:
    assert vouches(nameserver, Resolver(configured)) is believed


def test_the_system_s_name_server_on_this_host_is_believed(tmp_path: Path) -> None:
    system = tmp_path / "resolv.conf"
    system.write_text("nameserver 127.0.0.1\n")

    async def whole() -> TlsaAnswer:
        async with name_server() as server:
            server.serve(RECORDS)
            server.secure = True
            lookup = Lookup(Resolver(port=server.port), system=system)
            return await tlsa(lookup, "mx1.lab.test", 25, turns=asyncio.Semaphore())

    assert asyncio.run(whole()).secure


def test_all_that_is_published_is_asked_for_at_once() -> None:
    async def whole() -> Published:
        async with name_server() as server:
            server.serve("@ 300 IN MX 10 mx1\n" + RECORDS)
            server.secure = True
            return await DnsTlsPolicies(server.resolver).published("lab.test", [("mx1.lab.test", 25)] * 2)

    assert asyncio.run(whole()) == Published(
        "lab.test", mx_secure=True, tlsa={("mx1.lab.test", 25): TlsaAnswer((OURS,), secure=True)}
    )


def test_a_domain_about_which_nothing_can_be_asked_raises_nothing() -> None:
    long = "a" * 64

    async def whole() -> Published:
        async with name_server() as server:
            return await DnsTlsPolicies(server.resolver).published(long, [(long, 25)])

    found = asyncio.run(whole())
    assert found.sts.fault
    assert found.sts.fault.word is Word.STS_POLICY_FETCH_ERROR
    assert found.tlsa == {(long, 25): TlsaAnswer()}
