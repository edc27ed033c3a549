"""Which page holds what: the one place that says so."""

from dataclasses import dataclass
from pathlib import Path

from tests.docs.markdown import ROOT, section

README = ROOT / "README.md"
DOCS = ROOT / "docs"
LOAD_BALANCERS = DOCS / "load-balancers.md"
PAGES = [README, ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md"))]


@dataclass(frozen=True, slots=True)
class Place:
    """A section of a page, by its title; that of the page means all of it."""

    page: Path
    title: str

    @property
    def text(self) -> str:
        """Return what stands there."""
        return section(self.title, self.page)


FIVE_MINUTES = Place(README, "Five minutes")
STARTING_CONFIG = Place(README, "A config to start from")
WORDS = Place(README, "Words")
OUTCOMES = Place(README, "Outcomes")
TESTS = Place(README, "Tests")

CONFIGURATION = Place(DOCS / "configuration.md", "Configuration")
BAD_CONFIG = Place(DOCS / "configuration.md", "What check-config says")
COMMANDS = Place(DOCS / "commands.md", "Commands")
PATHS = Place(DOCS / "http.md", "Paths")
SPOT_CHECKS = Place(DOCS / "http.md", "Spot checks")
METRICS = Place(DOCS / "metrics.md", "Metrics")
ALERTS = Place(DOCS / "alerts.md", "Alerts")
FINDINGS = Place(DOCS / "tls-findings.md", "Findings on TLS")
ALARMS = Place(DOCS / "notify.md", "Alarms without Prometheus")
VERDICTS = Place(DOCS / "verdicts.md", "Verdicts")
TROUBLESHOOTING = Place(DOCS / "troubleshooting.md", "Troubleshooting")

PROMETHEUS = Place(DOCS / "prometheus.md", "Scraping and alerts")
SPOT_CHECKS_BY_PROMETHEUS = Place(DOCS / "prometheus.md", "Spot checks")
GRAFANA = Place(DOCS / "grafana.md", "Grafana")
SYSTEMD = Place(DOCS / "systemd.md", "systemd")
WEB_LOGIN = Place(DOCS / "web-login.md", "TLS and a login for the pages")

GRAFANA_IN_SHORT = Place(README, "Grafana")
IN_SHORT = {
    Place(README, "HAProxy"): Place(LOAD_BALANCERS, "HAProxy: agent-check"),
    Place(README, "keepalived"): Place(LOAD_BALANCERS, "keepalived"),
    Place(README, "Prometheus"): PROMETHEUS,
}
"""The recipes of the README, and where the whole of each stands."""
