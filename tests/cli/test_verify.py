"""``mailflow verify`` against servers of every mind, found by DNS or named by a config."""

import io
import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from rich.console import Console

from probe.cli.answers import Progress, print_answers
from probe.config import load
from probe.demo.behaviour import Behaviour
from probe.demo.smtp import SmtpServer
from probe.demo.store import Store
from probe.model.consensus import Asked
from probe.model.outcome import Stage
from probe.model.reply import Attempt, Ending, Reply
from probe.model.settings import Member, Resolver
from probe.wiring.enquiry import to_exchangers, to_members
from tests.cli.conftest import in_a_thread, mailflow
from tests.discover.server import Fault, NameServer, name_server

WELCOMING = Behaviour(replies={Stage.RCPT: "250 2.1.5 ok"})
BEHAVIOURS: Mapping[str, Behaviour] = {
    "yes": WELCOMING,
    "also": WELCOMING,
    "no": Behaviour(replies={Stage.RCPT: "550 5.1.1 no such \x1b[31muser"}),
    "never": Behaviour(replies={Stage.RCPT: "550 5.7.1 not\nfrom you"}),
    "later": Behaviour(replies={Stage.RCPT: "450 4.7.1 greylisted"}),
    "shy": Behaviour(replies={Stage.BANNER: "554 no service here"}),
    "closed": Behaviour(refuse_connections=True),
}
ADDRESSES = {name: f"127.0.3.{number}" for number, name in enumerate(BEHAVIOURS, 1)}
FAST = ("--rate", "0", "--from", "probe@demo.test")


@dataclass
class Town:
    """A name server, and one mail server of each mind, all on one port."""

    dns: NameServer
    store: Store
    servers: dict[str, SmtpServer] = field(default_factory=dict)
    port: int = 0

    def domain(self, name: str, *servers: str, more: Sequence[str] = ()) -> str:
        """Give a domain these exchangers, best first, and these records; return an address in it."""
        records = [f"{name} MX {10 * rank} {server}" for rank, server in enumerate(servers, 1)]
        records += [f"{server} A {ADDRESSES[server]}" for server in servers if server in ADDRESSES]
        self.dns.serve("\n".join([*records, *more]) + "\n")
        return f"monitor@{name}.lab.test"

    def verify(self, address: str, *arguments: str) -> Result:
        servers = ("--nameserver", f"127.0.0.1:{self.dns.port}", "--port", str(self.port))
        return mailflow("verify", address, *servers, *FAST, *arguments)


@pytest.fixture(scope="module")
def town() -> Iterator[Town]:
    towns: list[Town] = []

    @asynccontextmanager
    async def running() -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            made = Town(await stack.enter_async_context(name_server()), Store(uidvalidity=1))
            for name, behaviour in BEHAVIOURS.items():
                server = SmtpServer(made.store, name=name, host=ADDRESSES[name], port=made.port, behaviour=behaviour)
                made.servers[name] = await stack.enter_async_context(server)
                made.port = server.port
            towns.append(made)
            yield

    with in_a_thread(running()):
        yield towns[0]


@pytest.mark.parametrize(
    "servers, code, summary",
    [
        (("yes", "also"), 0, "all 2 servers accept"),
        (("yes", "no"), 1, "the servers disagree"),
        (("yes", "later"), 1, "the servers disagree"),
        (("no", "never"), 2, "all 2 servers refuse"),
        (("shy",), 2, "the only server, shy.lab.test-v4, refuses"),
        (("later",), 3, "nobody can tell"),
        (("yes", "closed"), 3, "nobody can tell"),
        (("closed",), 3, "nobody can tell"),
        (("yes", "nowhere"), 3, "nobody can tell"),
    ],
)
def test_how_it_ends(town: Town, servers: tuple[str, ...], code: int, summary: str) -> None:
    told = town.verify(town.domain("mixed", *servers))
    assert told.exit_code == code
    assert told.stdout.splitlines()[-1].startswith(summary)


def test_replies_stand_side_by_side_and_the_disagreement_is_named(town: Town) -> None:
    address = town.domain("mixed", "yes", "no", "later", "shy", "closed")
    told = town.verify(address)
    head, *rows, summary = told.stdout.splitlines()
    assert head.split() == ["server", "address", "preference", "verdict", "code", "enhanced", "text"]
    assert [row.split()[:3] for row in rows] == [
        [f"{name}.lab.test-v4", f"{ADDRESSES[name]}:{town.port}", str(10 * rank)]
        for rank, name in enumerate(("yes", "no", "later", "shy", "closed"), 1)
    ]
    assert [row[head.index("verdict") :].split(maxsplit=3)[:2] for row in rows] == [
        ["accepted", "250"],
        ["refused", "550"],
        ["refused", "for"],
        ["refused", "554"],
        ["no", "answer"],
    ]
    assert rows[3].endswith("banner: no service here")
    assert "connect: " in rows[4]
    assert rows[4].endswith("Connection refused")
    assert summary == (
        f"the servers disagree about {address}: yes.lab.test-v4 accepts it; no.lab.test-v4 and shy.lab.test-v4 "
        "refuse it (550 5.1.1, 554); later.lab.test-v4 refuses it for now (450 4.7.1); "
        "closed.lab.test-v4 could not be asked"
    )
    assert "\x1b" not in told.output


def test_for_a_script_everything_is_told_and_nothing_was_sent(town: Town) -> None:
    told = town.verify(town.domain("mixed", "no", "yes"), "--json")
    answer = json.loads(told.stdout)
    assert (told.exit_code, answer["consensus"], answer["sender"], answer["note"]) == (
        1,
        "disagree",
        "probe@demo.test",
        None,
    )
    refused, accepted = answer["servers"]
    assert (refused["verdict"], refused["stage"], refused["code"], refused["enhanced_code"]) == (
        "refused",
        "rcpt",
        550,
        "5.1.1",
    )
    assert (accepted["hostname"], accepted["preference"]) == ("yes.lab.test", 20)
    assert accepted["stages"].keys() >= {"connect", "banner", "ehlo", "mail", "rcpt", "quit"}
    for server in (refused, accepted):
        said = [exchange["sent"].split(" ")[0] for exchange in server["transcript"]]
        assert said == ["", "EHLO", "MAIL", "RCPT", "RSET", "QUIT"]


def test_what_was_not_found_is_named(town: Town) -> None:
    told = town.verify(town.domain("mixed", "yes", "nowhere"))
    assert told.stdout.splitlines()[-1].endswith("yes.lab.test-v4 accepts it; nowhere.lab.test has no address")


def test_a_domain_that_takes_no_mail_is_a_sentence(town: Town) -> None:
    town.dns.serve("null MX 0 .\n")
    told = town.verify("monitor@null.lab.test")
    assert (told.exit_code, told.stdout) == (3, "")
    assert told.stderr == "null.lab.test takes no mail: it has a null MX (RFC 7505)\n"


def test_trouble_with_dns_is_a_sentence(town: Town) -> None:
    town.dns.faults["down", "MX"] = Fault.SERVFAIL
    told = town.verify("monitor@down.lab.test")
    assert (told.exit_code, told.stdout) == (3, "")
    assert told.stderr.startswith("down.lab.test cannot be looked up (")
    assert len(told.stderr.splitlines()) == 1


def test_a_domain_that_does_not_exist_is_a_sentence(town: Town) -> None:
    told = town.verify("monitor@absent.lab.test")
    assert (told.exit_code, told.stderr) == (3, "the domain absent.lab.test does not exist (NXDOMAIN)\n")


def test_an_address_literal_needs_no_dns(town: Town) -> None:
    told = mailflow("verify", f"monitor@[{ADDRESSES['no']}]", "--port", str(town.port), *FAST)
    assert told.exit_code == 2
    assert "550 5.1.1" in told.stdout.splitlines()[-1]


def test_the_verdict_is_coloured_and_the_words_of_a_server_are_not() -> None:
    reply = Reply(250, ("never accepted so gladly",))
    attempt = Attempt(Ending.ACCEPTED, Stage.RCPT, "", datetime.now(UTC), reply=reply)
    console = Console(file=(out := io.StringIO()), force_terminal=True, color_system="standard", width=200)
    print_answers(console, [Asked(Member("lab.test", "accepted", "127.0.0.1"), attempt)])
    assert out.getvalue().splitlines()[1] == (
        "accepted  127.0.0.1:25  -           \x1b[32maccepted\x1b[0m  250   -         never accepted so gladly"
    )


def test_the_progress_shows_every_address_as_it_is() -> None:
    member = Member("lab.test", "mx1", "fd00::1")
    console = Console(file=(out := io.StringIO()), width=80)
    console.print(Progress([member]))
    assert out.getvalue().split() == ["mx1", "[fd00::1]:25", "waits", "its", "turn"]


# Pools


def config(town: Town, home: Path, *, route: bool = True) -> Path:
    members = {name: f"{ADDRESSES[name]}:{town.port}" for name in ("yes", "no")}
    access = {"host": "127.0.0.1", "tls": "none", "username": "u", "password": {"env": "HOME"}}
    vip: dict[str, Any] = {"members": members, "smtp": {"ehlo": "probe.demo.test"}}
    common = {"mailbox": "monitor", "interval": "60s", "deadline": "5m"}
    routes = {
        "first": {"pool": "vip" if route else "other", "from": "one@demo.test", **common},
        "second": {"pool": "vip" if route else "other", "from": "two@demo.test", "to": "second@demo.test", **common},
    }
    document = {
        "instance": "a",
        "state": f"sqlite:///{home}/ledger.db",
        "mailboxes": {"monitor": {"address": "monitor@demo.test", "imap": access}},
        "pools": {"vip": vip, "other": {"members": {"also": f"{ADDRESSES['also']}:{town.port}"}}},
        "routes": routes,
    }
    file = home / "config.yaml"
    file.write_text(json.dumps(document))
    return file


def test_the_members_of_a_pool_are_asked(town: Town, tmp_path: Path) -> None:
    told = mailflow("verify", "x@demo.test", "--pool", "vip", "-c", config(town, tmp_path), "--rate", "0s", "--json")
    answer = json.loads(told.stdout)
    assert told.exit_code == 1
    assert {server["server"]: server["verdict"] for server in answer["servers"]} == {"yes": "accepted", "no": "refused"}
    assert [exchange["sent"] for exchange in answer["servers"][0]["transcript"]][1:3] == [
        "EHLO probe.demo.test",
        "MAIL FROM:<one@demo.test>",
    ]


@pytest.mark.parametrize(
    "address, route, sender, used",
    [
        ("x@demo.test", True, None, "one@demo.test"),
        ("second@demo.test", True, None, "two@demo.test"),
        ("second@demo.test", True, "", ""),
        ("x@demo.test", True, "y@demo.test", "y@demo.test"),
        ("x@demo.test", False, None, "postmaster@probe.demo.test"),
    ],
)
def test_a_pool_is_asked_as_the_one_from_whom_it_gets_its_probes(
    town: Town, tmp_path: Path, address: str, route: bool, sender: str | None, used: str
) -> None:
    settings = load(config(town, tmp_path, route=route))
    enquiry = to_members(address, settings.pools["vip"], sender=sender, resolver=Resolver(), settings=settings)
    assert (enquiry.envelope.sender, enquiry.envelope.recipient) == (used, address)


@pytest.mark.parametrize(
    "address, endpoint", [("a@[192.0.2.1]", "192.0.2.1:25"), ("a@[IPv6:2001:db8::1]", "[2001:db8::1]:25")]
)
def test_an_address_literal_is_dialled_as_it_is(address: str, endpoint: str) -> None:
    enquiry = to_exchangers(address, port=25, sender="", resolver=Resolver())
    assert [member.endpoint for member in enquiry.pool.members] == [endpoint]
    assert enquiry.pool.discovery is None


def test_exchangers_are_asked_as_the_postmaster_of_a_full_name_or_as_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    senders = {}
    for name in ("probe.example.org", "probe"):
        monkeypatch.setattr("socket.gethostname", lambda name=name: name)
        senders[name] = to_exchangers("a@b.test", port=25, sender=None, resolver=Resolver()).envelope.sender
    assert senders == {"probe.example.org": "postmaster@probe.example.org", "probe": ""}


def test_a_pool_without_a_token_could_not_be_asked(town: Town, tmp_path: Path) -> None:
    file = config(town, tmp_path)
    document = json.loads(file.read_text())
    grant = {"token_url": "https://127.0.0.1:9/token", "client_id": "probe", "client_secret": {"env": "HOME"}}
    auth = {"username": "u", "oauth2": grant, "plaintext": True}
    document["pools"]["vip"]["smtp"] = {"tls": "none", "auth": auth}
    file.write_text(json.dumps(document))
    told = mailflow("verify", "x@demo.test", "--pool", "vip", "-c", file, "--rate", "0")
    assert told.exit_code == 3, told.output
    assert "auth: there is no token to log in with" in told.stdout


# Wrong calls


@pytest.mark.parametrize(
    "arguments, said",
    [
        (("nobody",), '"nobody" is not a mail address; write monitor@example.org'),
        (("a@b.test", "--pool", "vip"), "--pool and --config go together"),
        (("a@b.test", "-c", "config.yaml"), "--pool and --config go together"),
        (("a@b.test", "--from", "nobody"), '"nobody" is not a mail address'),
        (("a@b.test", "--nameserver", "dns.test"), "is not the address of a name server; write 127.0.0.1,"),
        (("a@b.test", "--nameserver", "127.0.0.1:99999"), "99999 is not a port"),
        (("a@b.test", "--port", "0"), "0 is not in the range"),
        (("a@b.test", "--rate", "2"), '"2" is not a duration; write 90s or 5m'),
        (("a@b.test", "--nonsense"), "No such option"),
        ((), "Missing argument"),
    ],
)
def test_a_wrong_call_is_no_answer_of_servers(arguments: tuple[str, ...], said: str) -> None:
    told = mailflow("verify", *arguments)
    assert (told.exit_code, told.stdout) == (3, "")
    assert said in told.stderr


@pytest.mark.parametrize(
    "arguments, said",
    [
        (("--pool", "nope"), "there is no pool nope; pools are: vip, other"),
        (("--pool", "vip", "--port", "25"), "--port is for exchangers"),
    ],
)
def test_what_does_not_fit_the_config_is_no_answer_of_servers(
    town: Town, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    told = mailflow("verify", "a@b.test", "-c", config(town, tmp_path), *arguments)
    assert (told.exit_code, told.stdout) == (3, "")
    assert said in told.stderr


def test_a_bad_config_is_no_answer_of_servers(tmp_path: Path) -> None:
    told = mailflow("verify", "a@b.test", "--pool", "vip", "-c", tmp_path / "none.yaml")
    assert (told.exit_code, told.stdout) == (3, "")
    assert "none.yaml:1: cannot be read" in told.stderr


# TLS

ANNOUNCED = '_mta-sts.policy TXT "v=STSv1; id=1"'
UNSIGNED = f"_25._tcp.yes TLSA 3 1 1 {'00' * 32}"


def test_findings_on_tls_stand_between_the_answers_and_what_they_come_to(town: Town) -> None:
    done = town.verify(town.domain("policy", "yes", "also", more=[ANNOUNCED]))
    assert done.exit_code == 0, "a finding changes no verdict"
    *_, head, row, summary = done.stdout.splitlines()
    assert head.split() == ["TLS", "of", "source", "finding", "text"]
    assert row.split(maxsplit=3) == [
        "domain",
        "mta-sts",
        "sts-policy-fetch-error",
        "mta-sts.policy.lab.test has no address, while a policy is announced",
    ]
    assert summary.startswith("all 2 servers accept")


def test_where_there_is_nothing_to_say_about_tls_there_is_no_table_of_it(town: Town) -> None:
    done = town.verify(town.domain("plain", "yes"))
    assert done.exit_code == 0
    assert "TLS" not in done.stdout


def test_findings_are_told_in_json_by_domain_and_by_server(town: Town) -> None:
    unsigned = UNSIGNED.replace("25", str(town.port), 1)
    done = town.verify(town.domain("policy", "yes", "also", more=[ANNOUNCED, unsigned]), "--json")
    told = json.loads(done.stdout)
    assert [finding["finding"] for finding in told["findings"]] == ["sts-policy-fetch-error"]
    by_server = {server["hostname"]: server["findings"] for server in told["servers"]}
    assert by_server == {
        "yes.lab.test": [
            {
                "finding": "dnssec-missing",
                "source": "dane",
                "text": "yes.lab.test has TLSA records without DNSSEC: not judged",
            }
        ],
        "also.lab.test": [],
    }
    assert [(server["starttls_offered"], server["tls_version"]) for server in told["servers"]] == [(False, None)] * 2


def test_where_no_domain_asks_for_any_tls_it_is_not_judged(town: Town) -> None:
    address = ADDRESSES["yes"]
    done = mailflow("verify", f"monitor@[{address}]", "--port", str(town.port), *FAST, "--json")
    told = json.loads(done.stdout)
    assert (told["findings"], [server["findings"] for server in told["servers"]]) == (None, [None])
