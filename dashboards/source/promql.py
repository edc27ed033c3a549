"""Short words in queries for the selectors that are the same everywhere."""

import re
from textwrap import dedent

_TARGET = 'job=~"$job", instance=~"$instance"'
_POOL = f'{_TARGET}, pool=~"$pool"'
_MEMBER = f'{_POOL}, member=~"$member"'
_BACKEND = 'job=~"$balancer", proxy=~"$proxy"'

SELECTORS = {
    "target": _TARGET,
    "pool": _POOL,
    "member": _MEMBER,
    "route": f'{_POOL}, route=~"$route"',
    "path": f'{_MEMBER}, route=~"$route"',
    "mailbox": f'{_TARGET}, mailbox=~"$mailbox"',
    "backend": _BACKEND,
    "server": f'{_BACKEND}, server=~"$member"',
}
"""What each word stands for: `{<path>, outcome="missing"}` selects by all variables that a path has labels for."""

_FAILED = "increase(mailflow_probe_failures_total{<path>}[WINDOW])"
_JUDGED = 'increase(mailflow_probe_outcomes_total{<path>, outcome!="unknown"}[WINDOW])'


def expanded(query: str) -> str:
    """Return a query as Prometheus reads it, but for Grafana's variables."""
    return re.sub(r"<(\w+)>", lambda word: SELECTORS[word[1]], dedent(query).strip())


def failure_ratio(window: str, *by: str) -> str:
    """Return the share of failures among the probes of a window that somebody can tell of."""
    labels = ", ".join(by)
    return dedent(f"""\
        sum by ({labels}) ({_FAILED})
        / (sum by ({labels}) ({_JUDGED}) > 0)""").replace("WINDOW", window)


def budget_left(window: str) -> str:
    """Return by route which share of its error budget is left: 1 is all of it, below 0 the objective is missed."""
    return (
        "1 - (\n"
        f"{failure_ratio(window, 'job', 'instance', 'pool', 'route')}\n"
        ") / on (job, instance, pool, route) (1 - mailflow_route_objective_ratio{<route>} > 0)"
    )
