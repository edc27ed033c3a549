"""What can be chosen above a dashboard; each choice narrows down those after it."""

from dataclasses import dataclass
from typing import Any

from dashboards.source.promql import expanded


@dataclass(frozen=True, slots=True)
class Variable:
    """The values of a label of a metric, of which several can be chosen."""

    name: str
    metric: str
    label: str = ""
    """The label whose values are offered, where it is not called like the variable."""
    title: str = ""


JOB = Variable("job", "mailflow_build_info")
INSTANCE = Variable("instance", 'mailflow_build_info{job=~"$job"}')
POOL = Variable("pool", "mailflow_member_state{<target>}")
MEMBER = Variable("member", "mailflow_member_state{<pool>}")
ROUTE = Variable("route", "mailflow_route_info{<pool>}")
MAILBOX = Variable("mailbox", "mailflow_mailbox_up{<target>}")
BALANCER = Variable("balancer", "haproxy_process_build_info", label="job", title="Job of HAProxy")
PROXY = Variable("proxy", 'haproxy_server_status{job=~"$balancer"}', title="Backend of HAProxy")

VARIABLES = (JOB, INSTANCE, POOL, MEMBER, ROUTE)


def written_variable(variable: Variable) -> dict[str, Any]:
    """Return a variable in Grafana's words: at first all, and asked for again when the time changes."""
    query = f"label_values({expanded(variable.metric)}, {variable.label or variable.name})"
    return {
        "name": variable.name,
        "label": variable.title or variable.name.capitalize(),
        "type": "query",
        "datasource": {"type": "prometheus", "uid": "${datasource}"},
        "query": {"query": query, "refId": "StandardVariableQuery", "qryType": 1},
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".+",
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
    }
