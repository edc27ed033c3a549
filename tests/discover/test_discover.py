import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from probe.discover import finder
from probe.discover.host import HostFinder
from probe.discover.mx import MxFinder
from probe.model.settings import Discovery, DiscoveryKind, Member, Pool, Resolver
from probe.net.lookup import Lookup
from probe.ports import DiscoveryTrouble, Found
from tests.discover.server import Fault, NameServer, name_server

Step = Callable[[NameServer], None]

TWO_EXCHANGERS = """
@   300 IN MX 10 mx1
@   300 IN MX 20 mx2
mx1 300 IN A 127.0.0.11
mx1 300 IN AAAA ::11
mx2 300 IN A 127.0.0.12
"""


def find(
    records: str,
    *steps: Step,
    kind: DiscoveryKind = DiscoveryKind.MX,
    name: str = "lab.test",
    negative_ttl: int = 300,
) -> list[Found | str]:
    """Look up once, and once more after each step; a trouble is given as its words."""

    async def look() -> list[Found | str]:
        async with name_server() as server:
            server.serve(records, negative_ttl=negative_ttl)
            pool = Pool("mx", discovery=Discovery(kind, name, 2525))
            finds = finder(pool, server.resolver)
            answers: list[Found | str] = []
            for step in (lambda server: None, *steps):
                step(server)
                try:
                    answers.append(await finds.find())
                except DiscoveryTrouble as trouble:
                    answers.append(str(trouble))
            return answers

    return asyncio.run(look())


def found(records: str, **how: object) -> Found:
    [answer] = find(records, **how)  # type: ignore[arg-type]  # passed on as they are
    assert isinstance(answer, Found), answer
    return answer


def trouble(records: str, *steps: Step, **how: object) -> str:
    answer = find(records, *steps, **how)[-1]  # type: ignore[arg-type]  # passed on as they are
    assert isinstance(answer, str), answer
    return answer


def rows(answer: Found | str) -> list[tuple[str, str, int | None]]:
    assert isinstance(answer, Found), answer
    return [(member.name, member.endpoint, member.preference) for member in answer.members]


def fault(name: str, kind: str, what: Fault = Fault.SERVFAIL) -> Step:
    return lambda server: server.faults.update({(name, kind): what})


def test_every_address_of_every_exchanger_is_a_member_best_preference_first() -> None:
    answer = found(TWO_EXCHANGERS)
    assert rows(answer) == [
        ("mx1.lab.test-v4", "127.0.0.11:2525", 10),
        ("mx1.lab.test-v6", "[::11]:2525", 10),
        ("mx2.lab.test-v4", "127.0.0.12:2525", 20),
    ]
    assert answer.note is None


def test_a_member_knows_its_pool_and_the_name_its_certificate_should_carry() -> None:
    first = found(TWO_EXCHANGERS).members[0]
    assert first == Member("mx", "mx1.lab.test-v4", "127.0.0.11", 2525, "mx1.lab.test", 10)


def test_a_host_with_several_addresses_of_a_family_tells_them_apart_by_digest() -> None:
    answer = found("@ 60 MX 5 mx\nmx 60 A 127.0.0.1\nmx 60 A 127.0.0.2\nmx 60 AAAA ::1\n")
    # sha256("127.0.0.1") begins 12ca17b4, sha256("127.0.0.2") 1edd62868f
    assert [member.name for member in answer.members] == [
        "mx.lab.test-v4-12ca",
        "mx.lab.test-v4-1edd",
        "mx.lab.test-v6",
    ]


def test_names_stay_unlike_when_digests_begin_alike() -> None:
    # The digests of both begin with 7879.
    twins = ("10.0.0.250", "10.0.1.54")
    answer = found("@ 60 MX 5 mx\n" + "".join(f"mx 60 A {address}\n" for address in twins))
    assert len({member.name for member in answer.members}) == 2


def test_names_are_written_in_lower_case() -> None:
    answer = found("@ 60 MX 5 MX1\nMX1 60 A 127.0.0.11\n", name="LAB.test.")
    assert rows(answer) == [("mx1.lab.test-v4", "127.0.0.11:2525", 5)]


def test_a_host_name_may_be_as_long_as_dns_lets_it_be() -> None:
    host = ".".join(["a" * 63, "b" * 63, "c" * 63, "d" * 52, "lab.test"])
    assert len(host) == 253
    assert rows(found(f"@ 60 MX 5 {host}.\n{host}. 60 A 127.0.0.1\n")) == [(f"{host}-v4", "127.0.0.1:2525", 5)]


def test_an_exchanger_named_twice_is_probed_once_at_its_best_preference() -> None:
    answer = found("@ 60 MX 20 mx\n@ 60 MX 10 mx\nmx 60 A 127.0.0.1\n")
    assert rows(answer) == [("mx.lab.test-v4", "127.0.0.1:2525", 10)]


def test_a_domain_without_mx_is_its_own_exchanger() -> None:
    answer = found("@ 60 A 127.0.0.1\n@ 60 AAAA ::1\n")
    assert rows(answer) == [
        ("lab.test-v4", "127.0.0.1:2525", 0),
        ("lab.test-v6", "[::1]:2525", 0),
    ]


def test_a_domain_with_mx_is_never_its_own_exchanger() -> None:
    words = trouble("@ 60 A 127.0.0.1\n@ 60 MX 10 mx\nmx 60 TXT nothing\n")
    assert words == "mx.lab.test has no address"


def test_a_null_mx_empties_the_set_and_says_so() -> None:
    answer = found("@ 60 MX 0 .\n@ 60 A 127.0.0.1\n")
    assert answer == Found((), timedelta(seconds=60), "lab.test takes no mail: it has a null MX (RFC 7505)")


def test_a_null_mx_beside_others_is_an_error_and_the_others_are_used() -> None:
    answer = found("@ 60 MX 0 .\n@ 60 MX 10 mx\nmx 60 A 127.0.0.1\n")
    assert rows(answer) == [("mx.lab.test-v4", "127.0.0.1:2525", 10)]
    assert answer.note == "the domain has a null MX beside others, which RFC 7505 3 forbids; the others are used"


def test_an_alias_at_the_domain_is_followed() -> None:
    answer = found("mail 60 CNAME real\nreal 60 MX 10 mx\nmx 60 A 127.0.0.1\n", name="mail.lab.test")
    assert rows(answer) == [("mx.lab.test-v4", "127.0.0.1:2525", 10)]
    assert answer.note is None


def test_an_alias_to_a_domain_without_mx_is_followed_to_its_addresses() -> None:
    answer = found("mail 60 CNAME real\nreal 60 A 127.0.0.1\n", name="mail.lab.test")
    assert rows(answer) == [("real.lab.test-v4", "127.0.0.1:2525", 0)]


@pytest.mark.parametrize(
    "bad, note",
    [
        ("bad 60 CNAME mx", "bad.lab.test is an alias (CNAME) of mx.lab.test, and is left out"),
        ("bad 60 CNAME nowhere", "bad.lab.test is an alias (CNAME) of nowhere.lab.test, and is left out"),
        ("bad 60 TXT nothing", "bad.lab.test has no address"),
        ("", "bad.lab.test has no address"),
        ("bad 60 A 0.0.0.0", "bad.lab.test has no address"),
        ("bad 60 A 224.0.0.1\nbad 60 AAAA ::", "bad.lab.test has no address"),
    ],
)
def test_an_exchanger_that_cannot_be_probed_is_reported(bad: str, note: str) -> None:
    answer = found(f"@ 60 MX 5 bad\n@ 60 MX 10 mx\nmx 60 A 127.0.0.1\n{bad}\n")
    assert rows(answer) == [("mx.lab.test-v4", "127.0.0.1:2525", 10)]
    assert answer.note == note


@pytest.mark.parametrize(
    "exchanger",
    [
        "a_b.lab.test.",
        "-mx.lab.test.",
        r"x\032y.lab.test.",
        r"<b>.lab.test.",
        r"mx\010.lab.test.",
        r"\195\188.lab.test.",
        "127.0.0.1.",
    ],
)
def test_what_is_not_a_host_name_is_left_out_and_shown_escaped(exchanger: str) -> None:
    answer = found(f"@ 60 MX 5 {exchanger}\n@ 60 MX 10 mx\nmx 60 A 127.0.0.1\n")
    assert rows(answer) == [("mx.lab.test-v4", "127.0.0.1:2525", 10)]
    assert answer.note is not None
    assert answer.note.endswith("is not a host name, and is left out")
    assert answer.note.isprintable()


def test_a_domain_that_does_not_exist_is_trouble() -> None:
    assert trouble("", name="no.lab.test") == "the domain no.lab.test does not exist (NXDOMAIN)"


def test_a_domain_with_neither_mx_nor_address_is_trouble() -> None:
    assert trouble("@ 60 TXT nothing\n") == "lab.test has no address"


def test_a_name_that_is_none_is_trouble() -> None:
    assert "is not a domain name" in trouble("", name="lab..test")


def test_a_server_that_fails_is_trouble_and_not_an_empty_set() -> None:
    words = trouble(TWO_EXCHANGERS, fault("@", "MX"))
    assert "lab.test cannot be looked up" in words
    assert "SERVFAIL" in words


@pytest.mark.parametrize("kind", ["A", "AAAA"])
def test_an_exchanger_that_cannot_be_looked_up_keeps_its_addresses(kind: str) -> None:
    first, second = find(TWO_EXCHANGERS, fault("mx1", kind))
    assert rows(second) == rows(first)
    assert isinstance(second, Found)
    assert second.note is not None
    assert "mx1.lab.test cannot be looked up" in second.note
    assert "the addresses known of before are kept" in second.note
    assert second.ttl == timedelta(seconds=30)


def test_addresses_are_kept_through_a_second_failure_and_replaced_after_it() -> None:
    def heal(server: NameServer) -> None:
        server.faults.clear()
        server.serve(TWO_EXCHANGERS.replace("127.0.0.11", "127.0.0.99"))

    answers = find(TWO_EXCHANGERS, fault("mx1", "A"), fault("mx1", "AAAA"), heal)
    assert rows(answers[2]) == rows(answers[0])
    assert rows(answers[3])[0] == ("mx1.lab.test-v4", "127.0.0.99:2525", 10)


@pytest.mark.parametrize("kind", ["A", "AAAA"])
def test_an_exchanger_that_could_never_be_looked_up_is_reported_and_the_others_are_used(kind: str) -> None:
    async def look() -> Found:
        async with name_server() as server:
            server.serve(TWO_EXCHANGERS)
            server.faults["mx1", kind] = Fault.SERVFAIL
            pool = Pool("mx", discovery=Discovery(DiscoveryKind.MX, "lab.test", 2525))
            return await finder(pool, server.resolver).find()

    answer = asyncio.run(look())
    assert rows(answer) == [("mx2.lab.test-v4", "127.0.0.12:2525", 20)]
    assert answer.note is not None
    assert "mx1.lab.test cannot be looked up" in answer.note
    assert answer.ttl == timedelta(seconds=30)


def test_a_silent_server_is_trouble_when_its_time_is_over() -> None:
    async def look() -> Found:
        async with name_server() as server:
            server.faults["@", "MX"] = Fault.SILENCE
            lookup = Lookup(server.resolver, lifetime=timedelta(milliseconds=50))
            return await MxFinder("mx", Discovery(DiscoveryKind.MX, "lab.test"), lookup=lookup).find()

    with pytest.raises(DiscoveryTrouble, match=r"lab\.test cannot be looked up .*expired"):
        asyncio.run(look())


def test_members_appear_and_vanish_between_two_lookups() -> None:
    moved = "@ 60 MX 10 mx2\n@ 60 MX 10 mx3\nmx2 60 A 127.0.0.12\nmx3 60 AAAA ::13\n"
    _, second = find(TWO_EXCHANGERS, lambda server: server.serve(moved))
    assert rows(second) == [
        ("mx2.lab.test-v4", "127.0.0.12:2525", 10),
        ("mx3.lab.test-v6", "[::13]:2525", 10),
    ]


@pytest.mark.parametrize(
    "mx, a, seconds",
    [
        (600, 700, 600),  # the exchangers' own
        (700, 600, 600),  # an address's
        (2, 600, 2),
        (1, 600, 1),
        (0, 0, 1),
        (3600, 3600, 3600),
        (3601, 86400, 3600),
    ],
)
def test_an_answer_holds_for_its_smallest_ttl_within_bounds(mx: int, a: int, seconds: int) -> None:
    answer = found(
        f"@ {mx} MX 10 mx\nmx {a} A 127.0.0.1\nmx {a} AAAA ::1\n",
    )
    assert answer.ttl == timedelta(seconds=seconds)


def test_the_ttl_of_what_is_not_there_counts_too() -> None:
    answer = found("@ 600 MX 10 mx\nmx 600 A 127.0.0.1\n", negative_ttl=45)
    assert answer.ttl == timedelta(seconds=45)


def test_the_ttl_of_an_alias_counts_too() -> None:
    answer = found(
        "mail 40 CNAME real\nreal 600 A 127.0.0.1\nreal 600 AAAA ::1\n", name="mail.lab.test", negative_ttl=3600
    )
    assert answer.ttl == timedelta(seconds=40)


@pytest.mark.parametrize("addresses, used", [(64, 64), (65, 64)])
def test_no_more_than_64_addresses_are_used(addresses: int, used: int) -> None:
    answer = found("@ 60 MX 10 mx\n" + "".join(f"mx 60 A 127.0.1.{n}\n" for n in range(addresses)))
    assert len(answer.members) == used
    assert answer.note == ("only 64 of 65 addresses are used" if addresses > used else None)


@pytest.mark.parametrize("exchangers, used", [(32, 32), (33, 32)])
def test_no_more_than_32_exchangers_are_looked_up(exchangers: int, used: int) -> None:
    lines = "".join(f"@ 60 MX {n} mx{n}\nmx{n} 60 A 127.0.1.{n}\n" for n in range(exchangers))
    answer = found(lines)
    assert [member.preference for member in answer.members] == list(range(used))
    assert answer.note == ("only 32 of 33 hosts are used" if exchangers > used else None)


def test_every_address_of_a_host_is_a_member() -> None:
    answer = found("smtp 60 A 127.0.0.1\nsmtp 60 AAAA ::1\n", kind=DiscoveryKind.HOST, name="smtp.lab.test")
    assert rows(answer) == [
        ("smtp.lab.test-v4", "127.0.0.1:2525", None),
        ("smtp.lab.test-v6", "[::1]:2525", None),
    ]


def test_a_host_may_be_an_alias_and_keeps_the_name_it_was_asked_by() -> None:
    answer = found("smtp 60 CNAME real\nreal 60 A 127.0.0.1\n", kind=DiscoveryKind.HOST, name="smtp.lab.test")
    assert rows(answer) == [("smtp.lab.test-v4", "127.0.0.1:2525", None)]
    assert answer.members[0].hostname == "smtp.lab.test"


@pytest.mark.parametrize("name", ["no.lab.test", "lab.test"])
def test_a_host_without_addresses_is_trouble(name: str) -> None:
    assert trouble("", kind=DiscoveryKind.HOST, name=name) == f"{name} has no address"


def test_the_targets_of_a_service_have_their_own_ports() -> None:
    records = "_s._tcp 60 SRV 2 0 26 b\n_s._tcp 60 SRV 1 0 25 a\na 60 A 127.0.0.1\nb 60 A 127.0.0.2\n"
    answer = found(records, kind=DiscoveryKind.SRV, name="_s._tcp.lab.test")
    assert rows(answer) == [("a.lab.test-v4", "127.0.0.1:25", 1), ("b.lab.test-v4", "127.0.0.2:26", 2)]


def test_a_target_with_two_ports_is_two_members() -> None:
    records = "_s._tcp 60 SRV 1 0 25 a\n_s._tcp 60 SRV 1 0 587 a\na 60 A 127.0.0.1\n"
    answer = found(records, kind=DiscoveryKind.SRV, name="_s._tcp.lab.test")
    assert rows(answer) == [
        ("a.lab.test-25-v4", "127.0.0.1:25", 1),
        ("a.lab.test-587-v4", "127.0.0.1:587", 1),
    ]


def test_a_service_that_is_not_available_has_no_members_and_says_so() -> None:
    answer = found("_s._tcp 60 SRV 0 0 0 .\n", kind=DiscoveryKind.SRV, name="_s._tcp.lab.test")
    assert answer.members == ()
    assert answer.note == "_s._tcp.lab.test is not available: its target is the root (RFC 2782)"


def test_a_service_nobody_offers_is_trouble() -> None:
    words = trouble("", kind=DiscoveryKind.SRV, name="_s._tcp.lab.test")
    assert words == "_s._tcp.lab.test has no SRV record"


def test_a_target_that_is_an_alias_is_left_out() -> None:
    records = "_s._tcp 60 SRV 1 0 25 a\n_s._tcp 60 SRV 2 0 25 b\na 60 CNAME b\nb 60 A 127.0.0.1\n"
    answer = found(records, kind=DiscoveryKind.SRV, name="_s._tcp.lab.test")
    assert rows(answer) == [("b.lab.test-v4", "127.0.0.1:25", 2)]
    assert answer.note == "a.lab.test is an alias (CNAME) of b.lab.test, and is left out"


@pytest.mark.parametrize("text", [None, "", "nameserver nonsense\n", "\xff"])
def test_a_system_without_name_servers_is_trouble(tmp_path: Path, text: str | None) -> None:
    system = tmp_path / "resolv.conf"
    if text is not None:
        system.write_bytes(text.encode("latin-1"))
    lookup = Lookup(Resolver(), system=system)
    with pytest.raises(DiscoveryTrouble, match="no name server is known"):
        asyncio.run(HostFinder("relays", Discovery(DiscoveryKind.HOST, "smtp.lab.test"), lookup=lookup).find())


def test_the_search_list_of_the_system_is_not_used(tmp_path: Path) -> None:
    async def look() -> Found:
        async with name_server() as server:
            server.serve("smtp 60 A 127.0.0.1\n")
            system = tmp_path / "resolv.conf"
            system.write_text("search lab.test\nnameserver 127.0.0.1\n")
            lookup = Lookup(Resolver(port=server.port), system=system)
            return await HostFinder("relays", Discovery(DiscoveryKind.HOST, "smtp"), lookup=lookup).find()

    with pytest.raises(DiscoveryTrouble, match=r"^smtp has no address$"):
        asyncio.run(look())


def test_a_pool_that_names_its_members_has_no_finder() -> None:
    with pytest.raises(ValueError, match="not discovered"):
        finder(Pool("vip"), Resolver())
