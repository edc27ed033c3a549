"""Having one's say while real members fail and are well: what a load balancer hears, and for how long."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.e2e.conftest import Launch
from tests.e2e.patience import eventually
from tests.e2e.program import Program, mailflow
from tests.e2e.test_verdicts import DOWN_WITHIN_SECONDS, MEMBERS, all_called_up
from tests.lab import Laboratory

pytestmark = pytest.mark.lab

WINDOW = timedelta(seconds=20)
HEARD_WITHIN_SECONDS = 4
"""A hold that is written into the ledger is taken up within two; the rest is for a loaded machine."""


def hold(program: Program, member: str, *how: str) -> None:
    done = mailflow("hold", program.config_file, f"vip/{member}", "--why", "a new disk", *how)
    assert done.returncode == 0, done.stderr


def causes(program: Program, member: str) -> list[str]:
    """Return for what causes a verdict changed, oldest first."""
    changes = program.get("/api/v1/verdicts", pool="vip", member=member).json()["changes"]
    return [change["cause"] for change in reversed(changes)]


def answer(program: Program, member: str, status: int, *, within_seconds: float) -> httpx.Response:
    return eventually(
        lambda: [page for page in [program.get(f"/health/vip/{member}")] if page.status_code == status],
        within_seconds=within_seconds,
        what=f"{status} of {member}",
    )[0]


def test_a_member_that_discards_is_held_up_through_a_kill_and_judged_once_it_is_released(
    lab: Laboratory, launch: Launch
) -> None:
    program = launch()
    all_called_up(program)
    lab.member("mta3").discard()
    answer(program, "mta3", 503, within_seconds=DOWN_WITHIN_SECONDS)

    hold(program, "mta3", "--for", "1h", "--as", "up")
    held = answer(program, "mta3", 200, within_seconds=HEARD_WITHIN_SECONDS)
    program.kill()
    program.start()
    after_the_kill = answer(program, "mta3", 200, within_seconds=HEARD_WITHIN_SECONDS)
    says_what_the_probes_say = eventually(
        lambda: "its probes say down: " in program.get("/health/vip/mta3").json()["reason"],
        within_seconds=DOWN_WITHIN_SECONDS,
    )
    figures = program.metrics()
    released = mailflow("release", program.config_file, "vip/mta3")
    down = answer(program, "mta3", 503, within_seconds=HEARD_WITHIN_SECONDS)

    assert held.headers["Mailflow-Verdict"] == "up"
    assert held.json()["reason"].startswith("held up by hand until ")
    assert held.json()["hold"] == after_the_kill.json()["hold"]
    assert says_what_the_probes_say
    assert figures.total("mailflow_member_held", member="mta3") == figures.total("mailflow_member_held") == 1
    assert released.returncode == 0
    assert down.json()["hold"] is None
    assert causes(program, "mta3")[-2:] == ["hold", "release"]
    assert 'msg="verdict is held by hand"' in program.log()


def test_a_healthy_member_is_held_down_by_a_daemon_that_allows_it_until_that_is_over(launch: Launch) -> None:
    program = launch(web={"lifecycle": True}, health={"min_healthy": "100%"})
    all_called_up(program)
    asked = {"pool": "vip", "member": "mta1", "for": "3s", "why": "replacing its disk", "as": "down"}
    with program.client() as client:
        placed = client.post("/api/v1/holds", json=asked)
        by_a_form = client.post("/api/v1/holds", data={"pool": "vip"})
    down = answer(program, "mta1", 503, within_seconds=HEARD_WITHIN_SECONDS)
    pool = program.get("/health/vip")
    listed = program.get("/api/v1/holds").json()["holds"]
    answer(program, "mta1", 200, within_seconds=3 + HEARD_WITHIN_SECONDS)

    assert (placed.status_code, by_a_form.status_code) == (200, 415)
    assert "replacing its disk" in down.json()["reason"]
    assert (pool.status_code, pool.json()["healthy"]) == (503, len(MEMBERS) - 1)
    assert [each["member"] for each in listed] == ["mta1"]
    assert program.get("/api/v1/holds").json() == {"holds": []}
    assert causes(program, "mta1")[-2:] == ["hold", "release"]


def test_a_member_that_discards_while_it_is_patched_is_called_down_only_when_that_is_over(
    lab: Laboratory, launch: Launch
) -> None:
    begins = datetime.now(UTC)
    times = {"starts": begins.isoformat(timespec="seconds"), "ends": (begins + WINDOW).isoformat(timespec="seconds")}
    plan = {"pool": "vip", "members": ["mta2"], "why": "patching", "once": times}
    lab.member("mta2").discard()
    program = launch(health={"maintenance": [plan]})
    reason = "; not called down meanwhile: "
    spared = eventually(
        lambda: [page for page in [program.get("/health/vip/mta2").json()] if reason in page["reason"]],
        within_seconds=WINDOW.total_seconds() - 1,
        what="a failure that is not held against it",
    )[0]
    figures = program.metrics()
    down = answer(program, "mta2", 503, within_seconds=WINDOW.total_seconds() + HEARD_WITHIN_SECONDS)

    assert (spared["verdict"], spared["maintenance"]["why"]) == ("unknown", "patching")
    assert figures.total("mailflow_member_in_maintenance") == 1
    assert figures.total("mailflow_verdicts_guarded") == 0
    assert figures.total("mailflow_probe_failures_total", member="mta2") >= 3
    assert datetime.now(UTC) >= datetime.fromisoformat(times["ends"])
    assert down.json()["maintenance"] is None
    assert causes(program, "mta2")[-1] == "maintenance"
