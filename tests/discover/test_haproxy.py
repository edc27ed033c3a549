"""Members that HAProxy knows: what its socket answers, however odd, and what a real one does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from probe.discover import finder
from probe.discover.haproxy import HaproxyFinder
from probe.model.settings import Discovery, DiscoveryKind, Member, Pool, Resolver
from probe.ports import DiscoveryTrouble, Found
from tests.balancers.haproxy import HAProxy

COLUMNS = "# be_id be_name srv_id srv_name srv_addr srv_op_state srv_fqdn srv_port"
PATIENCE = timedelta(milliseconds=300)


def row(name: str, address: str = "127.0.0.11", port: str = "2525", *, state: str = "2", fqdn: str = "-") -> str:
    return f"3 mx 1 {name} {address} {state} {fqdn} {port}"


def listing(*rows: str, version: str = "1", columns: str = COLUMNS) -> bytes:
    return "\n".join([version, columns, *rows, "", ""]).encode()


@dataclass
class Socket:
    """A stats socket that answers everything alike."""

    answer: bytes | None
    """None: it stays silent."""
    heard: bytes = b""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):
            self.heard = await reader.readline()
            if self.answer is None:
                await reader.read()
            else:
                writer.write(self.answer)


@asynccontextmanager
async def stats_socket(answer: bytes | None, path: Path) -> AsyncIterator[Socket]:
    scripted = Socket(answer)
    async with await asyncio.start_unix_server(scripted.serve, path):
        yield scripted


async def ask(place: Path | str) -> Found:
    return await HaproxyFinder("from-lb", discovery(place), lifetime=PATIENCE).find()


def discovery(place: Path | str) -> Discovery:
    return Discovery(DiscoveryKind.HAPROXY, str(place), backend="mx")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "admin.sock"


def found(answer: bytes, place: Path) -> Found:
    async def story() -> Found:
        async with stats_socket(answer, place):
            return await ask(place)

    return asyncio.run(story())


def trouble(answer: bytes | None, place: Path) -> str:
    async def story() -> str:
        async with stats_socket(answer, place):
            with pytest.raises(DiscoveryTrouble) as raised:
                await ask(place)
        return str(raised.value)

    return asyncio.run(story())


def test_every_server_is_a_member_of_the_same_name(place: Path) -> None:
    answer = listing(row("mta1"), row("mta2", "2001:db8::1", "25"), row("mta3", fqdn="MTA3.lab.test"))
    assert found(answer, place) == Found(
        (
            Member("from-lb", "mta1", "127.0.0.11", 2525),
            Member("from-lb", "mta2", "2001:db8::1", 25),
            Member("from-lb", "mta3", "127.0.0.11", 2525, "MTA3.lab.test"),
        ),
        timedelta(seconds=30),
    )


def test_the_backend_is_asked_for_by_its_name(place: Path) -> None:
    async def story() -> None:
        async with stats_socket(listing(row("mta1")), place) as scripted:
            await ask(place)
        assert scripted.heard == b"show servers state mx\n"

    asyncio.run(story())


def test_columns_are_found_by_their_names(place: Path) -> None:
    answer = listing("x 25 mta1 127.0.0.11", columns="# new srv_port srv_name srv_addr")
    assert found(answer, place).members == (Member("from-lb", "mta1", "127.0.0.11", 25),)


def test_a_server_that_haproxy_calls_down_is_a_member_all_the_same(place: Path) -> None:
    assert [member.name for member in found(listing(row("mta1", state="0")), place).members] == ["mta1"]


def test_a_server_without_a_port_has_that_of_the_pool(place: Path) -> None:
    assert found(listing(row("mta1", port="0")), place).members[0].port == 25


@pytest.mark.parametrize(
    "odd, note",
    [
        (row("late", "-"), "late has no address, and is left out"),
        (row("unix", "/run/lmtp"), "unix has no address, and is left out"),
        (row("any", "0.0.0.0"), "any has no address, and is left out"),
        (row("group", "ff02::1"), "group has no address, and is left out"),
        (row("a:b"), "a:b is no name for a member, and is left out"),
        (row("_mta"), "_mta is no name for a member, and is left out"),
        (row("m\u202eta"), "m\\u202eta is no name for a member, and is left out"),
    ],
)
def test_a_server_that_cannot_be_a_member_is_left_out_and_told(place: Path, odd: str, note: str) -> None:
    answer = found(listing(row("mta1"), odd), place)
    assert [member.name for member in answer.members] == ["mta1"]
    assert answer.note == note


@pytest.mark.parametrize("number, note", [(64, None), (65, "only 64 of 65 servers are used")])
def test_no_more_than_64_servers_are_used(place: Path, number: int, note: str | None) -> None:
    answer = found(listing(*(row(f"mta{index}") for index in range(number))), place)
    assert (len(answer.members), answer.note) == (64, note)


@pytest.mark.parametrize(
    "answer, words",
    [
        (b"Can't find backend.\n\n", "HAProxy lists no servers: it answered Can't find backend."),
        (b"Permission denied\n", "HAProxy lists no servers: it answered Permission denied"),
        (b"", "HAProxy lists no servers: it answered nothing"),
        (listing(row("mta1"), version="2"), "HAProxy lists no servers: it answered 2"),
        (b"\x1b[31m\xff\n", "HAProxy lists no servers: it answered \\x1b[31m\N{REPLACEMENT CHARACTER}"),
        (b"1\n", "HAProxy lists its servers without srv_name and srv_addr and srv_port"),
        (listing(columns="# srv_name srv_port"), "HAProxy lists its servers without srv_addr"),
        (listing(row("mta1") + " more"), "HAProxy lists a server in 9 words below 8 columns"),
        (listing("3 mx"), "HAProxy lists a server in 2 words below 8 columns"),
        (listing(row("mta1", port="-")), "HAProxy lists a server with the port -"),
        (listing(row("mta1", port="65536")), "HAProxy lists a server with the port 65536"),
        (listing(row("mta1", port="+25")), "HAProxy lists a server with the port +25"),
        (listing(), "the backend mx has no servers"),
        (listing(row("late", "-")), "late has no address, and is left out"),
    ],
)
def test_an_answer_that_gives_no_members_is_trouble(place: Path, answer: bytes, words: str) -> None:
    assert trouble(answer, place) == words


def test_a_socket_that_stays_silent_is_trouble_in_time(place: Path) -> None:
    assert trouble(None, place) == f"HAProxy at {place} did not answer within 0.3 s"


def test_an_answer_without_an_end_is_trouble(place: Path) -> None:
    assert trouble(b"x" * 4_200_000, place) == f"HAProxy at {place} answered with more than 4194304 octets"


def test_a_socket_that_is_not_there_is_trouble(place: Path) -> None:
    with pytest.raises(DiscoveryTrouble, match=f"^HAProxy at {place} cannot be asked: No such file or directory$"):
        asyncio.run(ask(place))


def test_a_port_where_nobody_listens_is_trouble() -> None:
    with pytest.raises(DiscoveryTrouble, match=r"^HAProxy at \[::1\]:1 cannot be asked: "):
        asyncio.run(ask("[::1]:1"))


# A real HAProxy

BACKEND = """
backend mx
  server mta1 127.0.0.11:2525
  server mta2 [::1]:2526 disabled
  server portless 127.0.0.14
  server late nowhere.lab.test:25 init-addr none
  server named localhost:2527
"""


@pytest.mark.lab
def test_a_real_haproxy_lists_its_servers(tmp_path: Path) -> None:
    with HAProxy(BACKEND, tmp_path) as haproxy:
        for place in (haproxy.socket, haproxy.tcp_socket):
            answer = asyncio.run(finder(Pool("from-lb", discovery=discovery(place)), Resolver()).find())
            *numbered, named = answer.members
            assert [(member.name, member.endpoint, member.hostname) for member in numbered] == [
                ("mta1", "127.0.0.11:2525", None),
                ("mta2", "[::1]:2526", None),
                ("portless", "127.0.0.14:25", None),
            ]
            assert (named.name, named.port, named.hostname) == ("named", 2527, "localhost")
            assert answer.note == "late has no address, and is left out"


@pytest.mark.lab
def test_a_real_haproxy_without_the_backend_says_so(tmp_path: Path) -> None:
    with HAProxy(BACKEND, tmp_path) as haproxy:
        wanted = Discovery(DiscoveryKind.HAPROXY, str(haproxy.socket), backend="nowhere")
        with pytest.raises(DiscoveryTrouble, match=r"^HAProxy lists no servers: it answered Can't find backend\.$"):
            asyncio.run(HaproxyFinder("from-lb", wanted).find())
