"""What Prometheus gets from the running program."""

import subprocess

import pytest

from tests.e2e.conftest import Launch
from tests.e2e.patience import eventually
from tests.lab import Laboratory

pytestmark = pytest.mark.lab


def test_promtool_finds_nothing_wrong_with_the_live_metrics(lab: Laboratory, launch: Launch) -> None:
    program = launch()
    eventually(lambda: program.metrics().outcomes(), within_seconds=10, what="outcomes")

    checked = subprocess.run(
        ["promtool", "check", "metrics"],
        input=program.metrics().text,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_every_series_of_a_path_is_there_from_the_start(lab: Laboratory, launch: Launch) -> None:
    metrics = launch(routes={"inbound": {"interval": "1d"}}).metrics()

    for name in lab.members:
        path = {"pool": "vip", "member": name, "route": "inbound"}
        assert metrics.total("mailflow_probes_total", **path) >= 0
        assert len(metrics.series("mailflow_probe_outcomes_total", **path)) == 10
        assert len(metrics.series("mailflow_member_state", pool="vip", member=name)) == 3
    assert metrics.total("mailflow_route_info", pool="vip", route="inbound", mailbox="monitor") == 1
    assert metrics.total("mailflow_probe_deadline_seconds") == 3
