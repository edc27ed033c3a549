"""Where a click leads: from a value to what is behind it, from a dashboard to the others."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Link:
    """A way from a value to a page about it."""

    title: str
    url: str


_PROBE = "http://${__field.labels.instance}"
"""The probe's own pages: the target as Prometheus scrapes it, which is its label instance unless relabelled."""
_THIS_MEMBER = "pool=${__field.labels.pool}&member=${__field.labels.member}"

STATUS_PAGE = Link("The probe's page", f"{_PROBE}/")
PROBES_OF_MEMBER = Link("Probes of this member", f"{_PROBE}/api/v1/probes?{_THIS_MEMBER}")
PROBES_OF_PATH = Link("Probes of this path", f"{_PROBE}/api/v1/probes?{_THIS_MEMBER}&route=${{__field.labels.route}}")
MEMBER_DETAIL = Link(
    "This member in detail",
    "/d/mailflow-member?${datasource:queryparam}&${job:queryparam}&${instance:queryparam}"
    "&var-pool=${__field.labels.pool}&var-member=${__field.labels.member}&${__url_time_range}",
)


def written_link(link: Link) -> dict[str, Any]:
    """Return a link of a field; pages of the probe open beside the dashboard."""
    return {"title": link.title, "url": link.url, "targetBlank": link.url.startswith("http")}


BETWEEN_DASHBOARDS: list[dict[str, Any]] = [
    {
        "title": "Mail flow",
        "type": "dashboards",
        "tags": ["mailflow"],
        "asDropdown": False,
        "includeVars": True,
        "keepTime": True,
        "targetBlank": False,
        "icon": "external link",
        "tooltip": "",
        "url": "",
    }
]
