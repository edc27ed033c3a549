"""All dashboards by the names of their files."""

import json
from pathlib import Path

from dashboards.source.balancer import BALANCER
from dashboards.source.budget import ERROR_BUDGET
from dashboards.source.dashboard import Dashboard, written
from dashboards.source.delivery import DELIVERY
from dashboards.source.mailboxes import MAILBOXES
from dashboards.source.member import MEMBER
from dashboards.source.overview import OVERVIEW
from dashboards.source.verdicts import VERDICTS

FOLDER = Path(__file__).parents[1]
DASHBOARDS = {
    "overview": OVERVIEW,
    "member": MEMBER,
    "delivery": DELIVERY,
    "mailboxes": MAILBOXES,
    "budget": ERROR_BUDGET,
    "verdicts": VERDICTS,
    "balancer": BALANCER,
}


def text_of(dashboard: Dashboard) -> str:
    """Return the file that Grafana reads."""
    return json.dumps(written(dashboard), indent=2, ensure_ascii=False) + "\n"
