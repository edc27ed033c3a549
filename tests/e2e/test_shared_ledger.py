"""Two probes on one ledger, as processes on real servers: each slot once, one outcome each, the same verdicts."""

import asyncio
import socket
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg  # type: ignore[import-untyped]  # it ships no types
import pytest

from tests.balancers.haproxy import HAProxy, free_port
from tests.docs.markdown import ROOT, blocks
from tests.e2e.metrics import Metrics
from tests.e2e.patience import eventually, let_pass
from tests.e2e.program import Program, mailflow
from tests.e2e.quick import quick_config
from tests.e2e.test_crashes import ends_of_logs, taken_by_members
from tests.e2e.verdicts import watching
from tests.lab import Laboratory, Stage
from tests.lab.config import merged
from tests.lab.postfix_config import Faults
from tests.ledger.postgres import Postgres, running_postgres

pytestmark = pytest.mark.lab

MEMBERS = ("mta1", "mta2", "mta3", "mta4")
DEADLINE_SECONDS = 2
LEFT_TO_ITS_SENDER_SECONDS = 10
JUDGED_WITHIN_SECONDS = 10
ONE, TWO, BLIND = 9847, 9857, 9867
"""Ports of HTTP; the agent has the next one."""
NOBODY = 9
"""A port on which nobody listens."""


@dataclass
class Site:
    """What the probes share, and the probes, by their instance."""

    lab: Laboratory
    home: Path
    postgres: Postgres
    database: str
    running: ExitStack
    probes: dict[str, Program] = field(default_factory=dict)

    @property
    def both(self) -> tuple[Program, Program]:
        return self.probes["one"], self.probes["two"]

    def launch(self, instance: str, port: int, **overrides: Any) -> Program:
        home = self.home / instance
        home.mkdir()
        listen = {"web": {"listen": f"{self.lab.hub}:{port}"}, "agent": {"listen": f"{self.lab.hub}:{port + 1}"}}
        config = quick_config(self.lab, home, instance=instance, state=self.database, **listen, **_QUICKER)
        del config["tag_keys"]  # so that both sign with the key that is kept in the ledger
        program = Program(merged(config, overrides), home)
        self.probes[instance] = self.running.enter_context(program)
        return program

    def ask(self, question: str, *values: Any) -> list[Any]:
        """Ask the ledger itself."""

        async def asked() -> list[Any]:
            connection = await asyncpg.connect(self.database)
            try:
                return list(await connection.fetch(question, *values))
            finally:
                await connection.close()

        return asyncio.run(asked())


_QUICKER = {
    "routes": {"inbound": {"deadline": f"{DEADLINE_SECONDS}s"}},
    "health": {"rise": 2, "fall": 2, "min_healthy": "75%", "stale_after": "1m"},
}


@pytest.fixture(scope="module")
def site(laboratory: Laboratory, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    laboratory.reset()
    with running_postgres() as postgres, ExitStack() as running:
        shared = Site(laboratory, tmp_path_factory.mktemp("shared"), postgres, postgres.new_database(), running)
        shared.launch("one", ONE)
        shared.launch("two", TWO)
        eventually(lambda: all(all_up(probe) for probe in shared.both), within_seconds=15, what="all members to be up")
        yield shared


@pytest.fixture(autouse=True)
def healthy(site: Site) -> Iterator[None]:
    """Every test begins and ends with members that both call up."""
    yield
    for member in site.lab.members.values():
        if member.faults != Faults():
            member.keep()


@pytest.fixture(scope="module")
def before_both(site: Site) -> Iterator[tuple[str, int]]:
    """Where a HAProxy listens that has the recipe for two probes, with times of a tenth."""
    port = free_port(site.lab.hub)
    text = blocks((ROOT / "docs" / "sharing.md").read_text(), "haproxy")[0]
    text = text.replace("192.0.2.50:9848", f"{site.lab.hub}:{ONE + 1}").replace(
        "192.0.2.51:9848", f"{site.lab.hub}:{TWO + 1}"
    )
    text = text.replace("bind 127.0.0.1:9848", f"bind {site.lab.hub}:{port}").replace("inter 2s", "inter 200ms")
    one, two = (line for line in text.splitlines() if line.startswith("  server "))
    text = text.replace("port 9847 ", "").replace(one, f"{one} port {ONE}").replace(two, f"{two} port {TWO}")
    with HAProxy(text, site.home):
        yield site.lab.hub, port


def agent_says(address: tuple[str, int], member: str) -> bytes:
    try:
        with closing(socket.create_connection(address, timeout=5)) as client, client.makefile("rb") as answer:
            client.sendall(f"vip/{member}\n".encode())
            return answer.read()
    except ConnectionResetError:
        return b""


def all_up(probe: Program) -> bool:
    return probe.metrics().total("mailflow_member_state", state="up") == len(MEMBERS)


def down(probe: Program) -> list[str]:
    return [labels["member"] for labels, on in probe.metrics().series("mailflow_member_state", state="down") if on]


def books(site: Site) -> tuple[dict[str, Counter[str]], dict[str, Counter[str]]]:
    """Return what each instance has counted, and what became of the probes that it began, of one moment."""
    counted: dict[str, Counter[str]] = {}
    happened: dict[str, Counter[str]] = {}
    rows = site.ask(
        "SELECT 'counted' AS kind, instance, CASE tally WHEN 'started' THEN 'started' ELSE outcome END AS what,"
        " sum(counted)::bigint AS many FROM totals WHERE tally IN ('started', 'outcome') GROUP BY 1, 2, 3"
        " UNION ALL SELECT 'happened', instance, coalesce(outcome, 'in flight'), count(*) FROM probes GROUP BY 1, 2, 3"
    )
    for row in rows:
        kept = counted if row["kind"] == "counted" else happened
        kept.setdefault(row["instance"], Counter())[row["what"]] = row["many"]
    return counted, happened


def figures(metrics: Metrics) -> Counter[str]:
    started = int(metrics.total("mailflow_probes_started_total"))
    return Counter({"started": started, **metrics.outcomes()})


def assert_that_the_books_balance(site: Site) -> None:
    before = {name: figures(probe.metrics()) for name, probe in site.probes.items() if probe.running}
    counted, happened = books(site)
    # What was counted anywhere by then is in the ledger, and what is in the ledger is soon counted there.
    assert all(before[name] <= counted[name] for name in before)
    eventually(
        lambda: all(counted[name] <= figures(site.probes[name].metrics()) for name in before),
        within_seconds=3,
        what="what was closed to be heard of",
    )
    for name in happened:
        assert counted[name]["started"] == happened[name].total()
        assert counted[name] - Counter(started=counted[name]["started"]) == happened[name] - Counter(
            {"in flight": happened[name]["in flight"]}
        )
        assert name not in before or site.probes[name].metrics().unbalanced() == []


def slots_left_out(site: Site, members: Mapping[str, int]) -> dict[str, int]:
    """Return how many slots nobody claimed, of each member since one of its slots."""
    found = {}
    for member, since in members.items():
        [row] = site.ask(
            "SELECT max(slot) - min(slot) + 1 - count(*) AS left_out FROM probes WHERE member = $1 AND slot >= $2",
            member,
            since,
        )
        found[member] = row["left_out"]
    return found


def last_slots(site: Site, *members: str) -> dict[str, int]:
    rows = site.ask("SELECT member, max(slot) AS slot FROM probes GROUP BY member")
    return {row["member"]: row["slot"] for row in rows if row["member"] in members}


def is_being_sent(site: Site, instance: str) -> bool:
    """Tell whether an instance began to send a probe in the last half of a second."""
    open_ = "SELECT 1 FROM probes WHERE instance = $1 AND member = 'mta2' AND outcome IS NULL AND started > $2"
    return bool(site.ask(open_, instance, int((time.time() - 0.5) * 1_000_000)))


def test_every_slot_is_claimed_by_one_of_the_two_and_none_is_left_out(site: Site) -> None:
    since, logs = last_slots(site, *MEMBERS), ends_of_logs(site.lab)
    let_pass(4)
    taken = taken_by_members(site.lab, logs)
    now = last_slots(site, *MEMBERS)

    assert slots_left_out(site, since) == dict.fromkeys(MEMBERS, 0)
    assert all(now[member] - since[member] >= 3 for member in MEMBERS)
    assert set(taken.values()) == {1}
    assert len(taken) <= sum(now[member] - since[member] + 1 for member in MEMBERS)
    assert {row["instance"] for row in site.ask("SELECT DISTINCT instance FROM probes")} == {"one", "two"}


def test_the_books_of_both_balance_and_nothing_of_the_other_is_taken_for_a_stranger(site: Site) -> None:
    assert_that_the_books_balance(site)
    for probe in site.both:
        assert set(probe.metrics().outcomes()) == {"delivered"}
        for strange in ("mailflow_foreign_messages_total", "mailflow_forged_tags_total", "mailflow_duplicates_total"):
            assert probe.metrics().total(strange) == 0


def test_a_message_is_settled_by_the_probe_that_sees_it_where_the_one_that_sent_it_is_blind(site: Site) -> None:
    # Given a third one that sends as the others do, and cannot read the mailbox
    blind = site.launch("blind", BLIND, mailboxes={"monitor": {"imap": {"port": NOBODY}}})

    eventually(lambda: blind.metrics().outcomes().get("delivered", 0) >= 3, within_seconds=15, what="deliveries")
    assert blind.metrics().total("mailflow_mailbox_up") == 0
    assert set(blind.metrics().outcomes()) == {"delivered"}
    assert blind.metrics().total("mailflow_delivery_duration_seconds_count") >= 3
    assert all_up(blind)
    assert_that_the_books_balance(site)
    assert blind.stop() == 0


def test_of_two_members_that_discard_both_probes_call_the_same_one_down_where_min_healthy_keeps_the_other(
    site: Site,
) -> None:
    for name in ("mta2", "mta3"):
        site.lab.member(name).discard()

    def guarded(probe: Program) -> float:
        return probe.metrics().total("mailflow_verdicts_guarded")

    eventually(
        lambda: all(guarded(probe) == 1 for probe in site.both) and down(site.both[0]) == down(site.both[1]),
        within_seconds=JUDGED_WITHIN_SECONDS,
        what="one to be down, and the other to be kept up",
    )
    chosen = down(site.both[0])
    let_pass(1)

    assert len(chosen) == 1
    assert [down(probe) for probe in site.both] == [chosen, chosen]
    for name in ("mta2", "mta3"):
        site.lab.member(name).keep()
    eventually(lambda: all(map(all_up, site.both)), within_seconds=JUDGED_WITHIN_SECONDS, what="both to be up again")


def test_a_hold_that_is_put_at_one_is_heard_by_the_other(site: Site) -> None:
    one, two = site.both
    done = mailflow("hold", one.config_file, "vip/mta1", "--for", "1h", "--as", "down", "--why", "a new disk")
    assert done.returncode == 0, done.stderr
    eventually(lambda: (one.health("mta1"), two.health("mta1")) == (503, 503), within_seconds=4, what="the hold")
    assert "a new disk" in two.get("/health/vip/mta1").json()["reason"]

    assert mailflow("release", two.config_file, "vip/mta1").returncode == 0
    eventually(lambda: (one.health("mta1"), two.health("mta1")) == (200, 200), within_seconds=4, what="its end")


def test_when_one_is_killed_the_other_probes_all_slots_and_settles_what_was_left_in_flight(
    site: Site, before_both: tuple[str, int]
) -> None:
    one, two = site.both
    assert agent_says(before_both, "mta1") == b"up\n"
    site.lab.member("mta2").slow(1, Stage.BODY)
    eventually(lambda: is_being_sent(site, "one"), within_seconds=20, what="a probe whose sending has just begun")
    one.kill()
    eventually(lambda: agent_says(before_both, "mta1") == b"up\n", within_seconds=3, what="HAProxy to ask the other")
    left = [row["id"] for row in site.ask("SELECT id FROM probes WHERE instance = 'one' AND outcome IS NULL")]
    site.lab.member("mta2").keep()
    since = last_slots(site, "mta1", "mta3", "mta4")

    with watching(two, MEMBERS) as answers:
        eventually(
            lambda: not site.ask("SELECT 1 FROM probes WHERE instance = 'one' AND outcome IS NULL"),
            within_seconds=DEADLINE_SECONDS + LEFT_TO_ITS_SENDER_SECONDS + 3,
            what="what was left in flight to be settled",
        )

    ended = [two.life(probe)["outcome"] for probe in left]
    assert left
    assert set(ended) <= {"delivered", "unknown"}
    assert all(answers.statuses(member) == {200} for member in MEMBERS)
    assert slots_left_out(site, since) == dict.fromkeys(since, 0)
    assert min(last_slots(site, *since)[member] - since[member] for member in since) >= 5
    assert_that_the_books_balance(site)


def test_one_that_comes_back_takes_up_the_verdicts_that_the_other_formed_meanwhile(site: Site) -> None:
    one, two = site.both
    site.lab.member("mta3").discard()
    eventually(lambda: two.health("mta3") == 503, within_seconds=JUDGED_WITHIN_SECONDS, what="503 of mta3")

    one.start()
    told = one.get("/health/vip/mta3")

    assert told.status_code == 503
    assert told.json()["reason"] == two.get("/health/vip/mta3").json()["reason"]
    assert down(one) == down(two) == ["mta3"]
    site.lab.member("mta3").keep()
    eventually(lambda: all(map(all_up, site.both)), within_seconds=JUDGED_WITHIN_SECONDS, what="both to be up again")
    assert_that_the_books_balance(site)


def test_while_postgresql_is_stopped_nothing_is_sent_and_verdicts_are_held_and_both_recover(site: Site) -> None:
    site.postgres.stop()
    eventually(
        lambda: all(probe.get("/-/ready").status_code == 503 for probe in site.both), within_seconds=5, what="503"
    )
    let_pass(1)
    logs = ends_of_logs(site.lab)
    let_pass(3)
    sent = taken_by_members(site.lab, logs)
    held = [all_up(probe) for probe in site.both]
    site.postgres.start()
    delivered = [probe.metrics().outcomes()["delivered"] for probe in site.both]

    def more_is_delivered() -> bool:
        now = [probe.metrics().outcomes()["delivered"] for probe in site.both]
        return all(after >= before + 3 for before, after in zip(delivered, now, strict=True))

    eventually(more_is_delivered, within_seconds=15, what="deliveries of both")
    assert not sent
    assert held == [True, True]
    assert all(probe.get("/-/ready").status_code == 200 for probe in site.both)
    assert all(map(all_up, site.both))
    assert_that_the_books_balance(site)
    assert not any(words in probe.log() for probe in site.both for words in ("Traceback", "cannot switch to state"))
