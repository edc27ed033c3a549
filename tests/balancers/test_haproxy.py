"""What a real HAProxy does by our word, before real Postfix members: by agent-check, and by HTTP with a fallback.

Both are the recipes of docs/load-balancers.md, side by side, with times of a tenth.
"""

import signal
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.balancers.haproxy import HAProxy, free_port
from tests.balancers.recipes import fitted, recipe
from tests.balancers.watching import watching
from tests.e2e.patience import eventually, let_pass
from tests.e2e.program import Program
from tests.e2e.quick import quick_config
from tests.lab import Laboratory
from tests.lab.config import merged
from tests.lab.postfix_config import Faults

pytestmark = [pytest.mark.lab, pytest.mark.timeout(180)]

AGENT, HTTP = "agent_mx", "http_mx"
MEMBERS = {"mta1", "mta2", "mta3", "mta4"}
INTERVAL_SECONDS, DEADLINE_SECONDS, FALL, RISE = 0.5, 2.0, 3, 2
OUT_WITHIN_SECONDS = FALL * INTERVAL_SECONDS + DEADLINE_SECONDS + 2
BACK_WITHIN_SECONDS = RISE * INTERVAL_SECONDS + DEADLINE_SECONDS + 2
"""The promise: so many intervals, a deadline, and two seconds, in which HAProxy asks, too."""
OWN_COUNTING_SECONDS = 3 * 0.5 + 1
"""What HAProxy's own counting adds where it asks by HTTP."""
RELEASE_SECONDS = 2
RELEASED = "members that are down are released"
PATIENCE_SECONDS = 20
TIMES = {
    "pools": {"vip": {"smtp": {"timeouts": {"connect": "1s", "reply": "1500ms", "total": "4s"}}}},
    "routes": {"inbound": {"interval": "500ms", "deadline": "2s", "retry": {"attempts": 1}}},
    "health": {"fall": FALL, "rise": RISE, "stale_after": "1m", "release_for": f"{RELEASE_SECONDS}s"},
}


@dataclass(frozen=True, slots=True)
class Scene:
    """A laboratory with the probe beside it and HAProxy before it."""

    lab: Laboratory
    program: Program
    haproxy: HAProxy
    config: dict[str, Any]
    vips: dict[str, tuple[str, int]]

    def out(self, backend: str) -> set[str]:
        """Return who gets no mail now."""
        return {name for name, server in self.haproxy.servers()[backend].items() if not server.gets_mail}

    def all_well(self) -> None:
        """Put everything right, and wait until everybody knows."""
        self.lab.reset()
        self._run()
        eventually(
            lambda: self.program.metrics().total("mailflow_member_state", state="up") == len(MEMBERS),
            within_seconds=PATIENCE_SECONDS,
            what="every member to be called up",
        )
        eventually(
            lambda: not self.out(AGENT) and not self.out(HTTP),
            within_seconds=PATIENCE_SECONDS,
            what="HAProxy to lead mail to all",
        )

    def one_is_out(self) -> None:
        """Let mta3 alone discard, and wait until its agent-check says so."""
        if {name for name, member in self.lab.members.items() if member.faults != Faults()} != {"mta3"}:
            self.all_well()
            self.lab.member("mta3").discard()
        self._run()
        eventually(lambda: self.out(AGENT) == {"mta3"}, within_seconds=PATIENCE_SECONDS, what="mta3 to be out")

    def greeting(self, backend: str) -> bytes:
        """Return what a client hears that comes to the VIP."""
        with socket.create_connection(self.vips[backend], timeout=5) as client:
            return client.recv(3)

    def _run(self) -> None:
        if not self.program.running:
            self.program.configure(self.config)
            self.program.start()


@pytest.fixture(scope="module")
def scene(laboratory: Laboratory, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """One program and one HAProxy for all tests here: starting them takes longer than most tests."""
    home = tmp_path_factory.mktemp("balancers")
    laboratory.reset()
    hub = laboratory.hub
    vips = {backend: (hub, free_port(hub)) for backend in (AGENT, HTTP)}
    recipes = {AGENT: "HAProxy: agent-check", HTTP: "HAProxy: HTTP"}
    config = quick_config(laboratory, home, **TIMES, agent={"listen": f"{hub}:9848"})
    proxies = "\n".join(
        fitted(
            recipe(title, "haproxy"),
            laboratory.members.values(),
            probe=hub,
            bind="{}:{}".format(*vips[backend]),
            name=backend.partition("_")[0],
        )
        for backend, title in recipes.items()
    )
    with Program(config, home) as program, HAProxy(proxies, home) as haproxy:
        yield Scene(laboratory, program, haproxy, config, vips)


def test_a_member_that_discards_is_ejected_in_time_and_alone_and_comes_back(scene: Scene) -> None:
    scene.all_well()
    with watching(scene.haproxy) as seen:
        broken = time.monotonic()
        scene.lab.member("mta3").discard()
        eventually(lambda: scene.out(AGENT) and scene.out(HTTP), within_seconds=PATIENCE_SECONDS, what="ejections")
        why = scene.haproxy.servers()[AGENT]["mta3"]
        repaired = time.monotonic()
        scene.lab.member("mta3").keep()
        eventually(
            lambda: not scene.out(AGENT) and not scene.out(HTTP), within_seconds=PATIENCE_SECONDS, what="returns"
        )
        let_pass(0.3)

    assert {backend: seen[backend].ejected for backend in (AGENT, HTTP)} == {AGENT: {"mta3"}, HTTP: {"mta3"}}
    assert why.status == "DOWN (agent)"
    assert "3 probes in a row missing" in why.agent_says
    for backend, more in ((AGENT, 0.0), (HTTP, OWN_COUNTING_SECONDS)):
        out, back = seen[backend].out_since(broken)["mta3"], seen[backend].back_since(repaired)["mta3"]
        assert out - broken < OUT_WITHIN_SECONDS + more
        assert back - repaired < BACK_WITHIN_SECONDS + more


def test_of_all_but_one_that_discard_half_stay_and_of_all_nobody_more_goes(scene: Scene) -> None:
    scene.all_well()
    with watching(scene.haproxy) as seen:
        for name in ("mta1", "mta2", "mta3"):
            scene.lab.member(name).discard()
        eventually(lambda: len(scene.out(AGENT)) == 2, within_seconds=PATIENCE_SECONDS, what="two ejections")
        scene.lab.member("mta4").discard()
        let_pass(OUT_WITHIN_SECONDS)

    assert seen[AGENT].most_out == seen[HTTP].most_out == 2
    assert "mta4" not in seen[AGENT].ejected | seen[HTTP].ejected


def test_a_mailbox_that_is_stopped_ejects_nobody(scene: Scene) -> None:
    scene.all_well()
    with watching(scene.haproxy) as seen:
        scene.lab.dovecot.stop()
        let_pass(OUT_WITHIN_SECONDS)

    assert seen[AGENT].ejected == seen[HTTP].ejected == set()
    assert scene.program.metrics().total("mailflow_mailbox_up") == 0


@pytest.mark.parametrize("ends", [Program.kill, Program.freeze])
def test_a_probe_that_is_gone_ejects_nobody_by_the_agent_check_and_mail_flows_by_http_too(
    scene: Scene, ends: Callable[[Program], None]
) -> None:
    scene.all_well()
    with watching(scene.haproxy) as seen:
        ends(scene.program)
        eventually(lambda: scene.out(HTTP) == MEMBERS, within_seconds=PATIENCE_SECONDS, what="HTTP checks to fail")
        let_pass(1)
        greetings = {backend: scene.greeting(backend) for backend in (AGENT, HTTP)}
        scene.program.thaw() if ends is Program.freeze else scene.program.start()
        eventually(lambda: not scene.out(HTTP), within_seconds=PATIENCE_SECONDS, what="HTTP checks to pass")

    assert seen[AGENT].ejected == set()
    assert greetings == {AGENT: b"220", HTTP: b"220"}


def test_a_member_that_was_down_stays_down_over_a_kill_and_a_quick_start(scene: Scene) -> None:
    scene.one_is_out()
    with watching(scene.haproxy) as seen:
        scene.program.kill()
        let_pass(1)
        scene.program.start()
        let_pass(1.5)

    assert {tuple(look.out) for look in seen[AGENT].looks} == {("mta3",)}


def test_a_stop_brings_a_member_back_that_was_down(scene: Scene) -> None:
    scene.one_is_out()
    began = time.monotonic()
    scene.program.send(signal.SIGTERM)
    eventually(lambda: not scene.out(AGENT), within_seconds=RELEASE_SECONDS + 2, what="a release")
    told = scene.program.get("/health/vip/mta3")
    code = scene.program.await_end()

    assert code == 0
    assert time.monotonic() - began >= RELEASE_SECONDS
    assert (told.status_code, told.json()["reason"].partition(",")[0]) == (200, "the probe is being stopped")
    assert scene.out(AGENT) == set()


def test_a_reload_that_moves_the_agent_check_brings_back_who_was_down_where_only_the_old_port_is_asked(
    scene: Scene,
) -> None:
    scene.one_is_out()
    hub = scene.lab.hub
    scene.program.reload(agent={"listen": f"{hub}:{free_port(hub)}"})
    eventually(lambda: not scene.out(AGENT), within_seconds=RELEASE_SECONDS + 2, what="a release at the old port")
    let_pass(RELEASE_SECONDS)
    assert scene.out(AGENT) == set()
    assert scene.program.health("mta3") == 503

    scene.program.reload(agent={"listen": f"{hub}:9848"})
    eventually(lambda: scene.out(AGENT) == {"mta3"}, within_seconds=PATIENCE_SECONDS, what="mta3 to be out again")


def test_a_second_signal_ends_it_at_once(scene: Scene) -> None:
    scene.one_is_out()
    told, began = scene.program.log().count(RELEASED), time.monotonic()
    scene.program.send(signal.SIGTERM)
    eventually(lambda: scene.program.log().count(RELEASED) > told, within_seconds=5, what="the release to begin")
    scene.program.send(signal.SIGTERM)

    assert scene.program.await_end() == -signal.SIGTERM
    assert time.monotonic() - began < RELEASE_SECONDS


def test_who_was_down_when_the_probe_was_killed_long_ago_is_brought_back_by_the_next_start(scene: Scene) -> None:
    scene.one_is_out()
    scene.program.kill()
    unprobed = {"routes": {"inbound": {"interval": "1d"}}, "health": {"stale_after": "100ms"}}
    scene.program.configure(merged(scene.config, unprobed))
    scene.program.start()

    eventually(lambda: not scene.out(AGENT), within_seconds=5, what="a release")
    scene.program.kill()
