"""Fetching MTA-STS policies: a real name server, a real HTTPS server, and all that a policy host may do wrong."""

import asyncio
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme

from probe.model.sts import LARGEST_POLICY, StsMode
from probe.model.tls_findings import StsAnswer, Word
from probe.net.lookup import Lookup
from probe.tlspolicy.sts import StsSource
from tests.discover.server import Fault, NameServer, name_server
from tests.tlspolicy.policy_host import PATH, PolicyHost, policy, policy_host

ANNOUNCED = '_mta-sts 300 IN TXT "v=STSv1; " "id=1;"\nmta-sts 300 IN A 127.0.0.1\n'
NAME = "mta-sts.lab.test"
HASTY_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class Authority:
    ca: trustme.CA
    file: Path

    def context(self, name: str = NAME, *, expires: datetime | None = None) -> ssl.SSLContext:
        issued = self.ca.issue_cert(name, not_before=datetime(2019, 1, 1, tzinfo=UTC), not_after=expires)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        issued.configure_cert(context)
        return context


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    file = tmp_path_factory.mktemp("ca") / "ca.pem"
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(file))
    return Authority(ca, file)


@pytest.fixture
def host(authority: Authority) -> Iterator[PolicyHost]:
    with policy_host(authority.context()) as served:
        served.body = policy("mx1.lab.test")
        yield served


def fetched(
    authority: Authority,
    host: PolicyHost,
    records: str = ANNOUNCED,
    *,
    faults: dict[tuple[str, str], Fault] | None = None,
    seconds: float = 5,
) -> StsAnswer:
    async def story(server: NameServer) -> StsAnswer:
        server.serve(records)
        server.faults = faults or {}
        source = StsSource(Lookup(server.resolver), ca_file=authority.file, port=host.port, seconds=seconds)
        return await source.policy("lab.test")

    async def whole() -> StsAnswer:
        async with name_server() as server:
            return await story(server)

    return asyncio.run(whole())


def fault(answer: StsAnswer) -> tuple[Word, str]:
    assert answer.policy is None
    assert answer.fault is not None
    return answer.fault.word, answer.fault.text


def test_a_policy_is_fetched_from_its_host_by_name(authority: Authority, host: PolicyHost) -> None:
    answer = fetched(authority, host)
    assert answer.fault is None
    assert answer.policy
    assert (answer.policy.mode, answer.policy.mx) == (StsMode.ENFORCE, ("mx1.lab.test",))
    assert host.asked == [(PATH, f"{NAME}:{host.port}")]


def test_of_several_addresses_one_that_answers_is_enough(authority: Authority, host: PolicyHost) -> None:
    answer = fetched(authority, host, ANNOUNCED + "mta-sts 300 IN A 127.0.0.99\nmta-sts 300 IN AAAA ::1\n")
    assert answer.policy


def test_where_nothing_is_announced_nobody_is_asked(authority: Authority, host: PolicyHost) -> None:
    assert fetched(authority, host, "mta-sts 300 IN A 127.0.0.1\n") == StsAnswer()
    assert host.asked == []


def test_a_media_type_may_have_parameters(authority: Authority, host: PolicyHost) -> None:
    host.headers = {"Content-Type": "Text/Plain; charset=utf-8"}
    assert fetched(authority, host).policy


def test_a_policy_may_be_as_large_as_it_may_be(authority: Authority, host: PolicyHost) -> None:
    host.body = policy("mx1.lab.test") + b"x: " + b"y" * (LARGEST_POLICY - len(policy("mx1.lab.test")) - 3)
    assert fetched(authority, host).policy
    host.body += b"y"
    assert fault(fetched(authority, host)) == (
        Word.STS_POLICY_FETCH_ERROR,
        f"{NAME} sent a policy of more than 65536 octets",
    )


@pytest.mark.parametrize("status", [201, 204, 301, 302, 307, 404, 500])
def test_a_status_other_than_200_is_no_policy(authority: Authority, host: PolicyHost, status: int) -> None:
    host.status = status
    host.headers |= {"Location": f"https://{NAME}:{host.port}{PATH}"}
    word, text = fault(fetched(authority, host))
    assert (word, text) == (
        Word.STS_POLICY_FETCH_ERROR,
        f"{NAME} answered with status {status} instead of a policy",
    )
    assert len(host.asked) == 1, "no redirect is followed"


@pytest.mark.parametrize("kind", ["text/html", "application/json", "\x1b[2J"])
def test_a_page_is_no_policy(authority: Authority, host: PolicyHost, kind: str) -> None:
    host.headers = {"Content-Type": kind}
    if kind == "\x1b[2J":
        host.headers = {"Content-Type": "a/\x1b[2J"}
    word, text = fault(fetched(authority, host))
    assert word is Word.STS_POLICY_FETCH_ERROR
    assert text.startswith(f"{NAME} answered with ")
    assert text.isprintable()


@pytest.mark.parametrize("body", [b"", b"version: STSv2\n", b"\xff\xfe", b"\x00" * 100, b"mx: " * 10000])
def test_a_body_that_is_none_is_an_invalid_policy(authority: Authority, host: PolicyHost, body: bytes) -> None:
    host.body = body
    word, text = fault(fetched(authority, host))
    assert word is Word.STS_POLICY_INVALID
    assert text.startswith("the policy ")


def test_two_announcements_are_an_invalid_policy(authority: Authority, host: PolicyHost) -> None:
    word, _ = fault(fetched(authority, host, ANNOUNCED + '_mta-sts 300 IN TXT "v=STSv1; id=2;"\n'))
    assert word is Word.STS_POLICY_INVALID
    assert host.asked == []


@pytest.mark.parametrize("made", ["other name", "expired", "unknown authority"])
def test_a_certificate_that_does_not_pass_is_told_as_such(authority: Authority, made: str) -> None:
    context = {
        "other name": lambda: authority.context("www.lab.test"),
        "expired": lambda: authority.context(expires=datetime(2020, 1, 1, tzinfo=UTC)),
        "unknown authority": lambda: replace(authority, ca=trustme.CA()).context(),
    }[made]()
    with policy_host(context) as host:
        host.body = policy("mx1.lab.test")
        word, text = fault(fetched(authority, host))
        assert word is Word.STS_WEBPKI_INVALID
        assert text.startswith(f"{NAME} shows a certificate that is not accepted: ")
        assert host.asked == []


def test_a_policy_host_that_is_silent_costs_only_its_time(authority: Authority, host: PolicyHost) -> None:
    host.silent = threading.Event()
    assert fault(fetched(authority, host, seconds=HASTY_SECONDS)) == (
        Word.STS_POLICY_FETCH_ERROR,
        f"{NAME} did not answer within 0.3 s",
    )


@pytest.mark.parametrize(
    "records, faults, text",
    [
        ('_mta-sts 300 IN TXT "v=STSv1; id=1"\n', {}, f"{NAME} has no address, while a policy is announced"),
        (
            ANNOUNCED.replace("127.0.0.1", "127.0.0.99"),
            {},
            f"{NAME} cannot be asked: Connection refused",
        ),
        (ANNOUNCED, {("_mta-sts", "TXT"): Fault.SERVFAIL}, "_mta-sts.lab.test cannot be looked up ("),
        (ANNOUNCED, {("mta-sts", "A"): Fault.SERVFAIL}, f"{NAME} cannot be looked up ("),
    ],
)
def test_a_policy_host_that_cannot_be_reached_is_told(
    authority: Authority, host: PolicyHost, records: str, faults: dict[tuple[str, str], Fault], text: str
) -> None:
    word, said = fault(fetched(authority, host, records, faults=faults))
    assert word is Word.STS_POLICY_FETCH_ERROR
    assert said.startswith(text)
