"""Members checked on demand on real Postfix: by hand, and by a real Prometheus that finds them through /sd."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.docs.markdown import blocks
from tests.docs.pages import SPOT_CHECKS_BY_PROMETHEUS
from tests.e2e.conftest import Launch
from tests.e2e.metrics import Metrics
from tests.e2e.monitoring import Prometheus, prometheus
from tests.e2e.patience import eventually
from tests.lab import Laboratory

pytestmark = pytest.mark.lab

SCRAPED_WITHIN_SECONDS = 30


def recipe(listen: str) -> Mapping[str, Any]:
    """The job that docs/prometheus.md shows, pointed at the program and made quick."""
    [shown] = blocks(SPOT_CHECKS_BY_PROMETHEUS.text, "yaml")
    [job] = yaml.safe_load(shown.replace("192.0.2.50:9847", listen))["scrape_configs"]
    return {"scrape_configs": [{**job, "scrape_interval": "1s", "scrape_timeout": "1s"}]}


def test_a_check_tells_how_far_a_real_member_takes_mail(lab: Laboratory, launch: Launch) -> None:
    # Given
    program = launch(routes={"inbound": {"interval": "1d"}})
    lab.member("mta2").stop()

    # When
    good = Metrics(program.get("/probe", target="vip/mta1").text)
    stopped = Metrics(program.get("/probe", target="vip/mta2").text)
    told = program.get("/probe", target="vip/mta1", debug="true").text

    # Then
    assert (good.total("probe_success"), stopped.total("probe_success")) == (1, 0)
    assert good.total("probe_smtp_duration_seconds", phase="rcpt") > 0
    assert good.total("probe_tls_version_info", version="TLS 1.3") == 1
    assert good.total("probe_ssl_earliest_cert_expiry") > 1.7e9
    assert re.search(r"C: RCPT TO:<monitor@lab.test>\n.*S: 250 2.1.5 Ok", told)
    assert "C: DATA" not in told


def test_prometheus_finds_every_member_and_checks_it(lab: Laboratory, launch: Launch, tmp_path: Path) -> None:
    program = launch()
    lab.member("mta3").stop()
    with prometheus(tmp_path, recipe(program.listen)) as server:
        eventually(lambda: len(successes(server)) == 4, within_seconds=SCRAPED_WITHIN_SECONDS, what="all members")
        found = successes(server)
    assert found == {
        (f"instance=vip/{name}", "job=mailflow-spot-checks", f"member={name}", "pool=vip"): float(name != "mta3")
        for name in lab.members
    }


def successes(server: Prometheus) -> dict[tuple[str, ...], float]:
    return server.query("probe_success")
