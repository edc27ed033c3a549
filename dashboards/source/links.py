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
_OF_MEMBER = "pool=${__field.labels.pool}&member=${__field.labels.member}"
_OF_PATH = f"{_OF_MEMBER}&route=${{__field.labels.route}}"
_MEMBER_DETAIL = Link(
    "This member in detail",
    "/d/mailflow-member?${datasource:queryparam}&${job:queryparam}&${instance:queryparam}"
    "&var-pool=${__field.labels.pool}&var-member=${__field.labels.member}&${__url_time_range}",
)
_ON_STATUS_PAGE = Link("On the status page", f"{_PROBE}/#${{__field.labels.pool}}/${{__field.labels.member}}")

STATUS_PAGE = Link("The status page", f"{_PROBE}/")
OF_MEMBER = (
    _MEMBER_DETAIL,
    Link("Probes of this member", f"{_PROBE}/probes?{_OF_MEMBER}"),
    Link("Probes of this member, as JSON", f"{_PROBE}/api/v1/probes?{_OF_MEMBER}"),
    _ON_STATUS_PAGE,
)
OF_PATH = (
    _MEMBER_DETAIL,
    Link("Probes of this path", f"{_PROBE}/probes?{_OF_PATH}"),
    Link("Probes of this path, as JSON", f"{_PROBE}/api/v1/probes?{_OF_PATH}"),
    _ON_STATUS_PAGE,
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
