"""How much failure the objectives still allow, how fast it is used up, and by whom."""

from dashboards.source.dashboard import Dashboard, Heading, strip
from dashboards.source.looks import ALWAYS_NEUTRAL, BUDGET
from dashboards.source.panels import Panel, graph, stack, stat, table
from dashboards.source.promql import budget_left, failure_ratio

_BY_ROUTE = ("job", "instance", "pool", "route")
_ROUTE = "{{pool}} {{route}}"
_ALLOWED = "(1 - mailflow_route_objective_ratio{<route>} > 0)"

_BLIND = """\
    sum by (pool, route) (increase(mailflow_probe_outcomes_total{<path>, outcome="unknown"}[1h]))
    /
    (sum by (pool, route) (increase(mailflow_probes_total{<path>}[1h])) > 0)"""


def _burning(title: str, window: str, limit: float, meaning: str) -> Panel:
    """Return how many times faster than allowed the budget is used up within a window."""
    rate = f"{failure_ratio(window, *_BY_ROUTE)}\n/ on (job, instance, pool, route) {_ALLOWED}"
    described = (
        f"How many times faster than the objective allows probes failed within {window}. 1 uses the budget up in 30 "
        f"days; above {limit:g} {meaning}."
    )
    return graph(title, described, {_ROUTE: rate, "limit": f"vector({limit:g})"}, "short").limited("limit")


ERROR_BUDGET = Dashboard(
    uid="mailflow-budget",
    title="Mail flow: error budget",
    description="What the objectives of the routes still allow. Probes of unknown outcome say nothing about mail, and "
    "count neither as success nor as failure. Failures of members in maintenance count; the recording rules leave them "
    "out.",
    content=(
        strip(
            5,
            stat(
                "Objective",
                "The share of probes that shall succeed, by the config.",
                {_ROUTE: "min by (pool, route) (mailflow_route_objective_ratio{<route>})"},
                "percentunit",
                ALWAYS_NEUTRAL,
                decimals=2,
            ).wide(6),
            stat(
                "Succeeded in 30 days",
                "The share of probes that ended as their route expects, of those that somebody can tell of.",
                {_ROUTE: f"1 - (\n{failure_ratio('30d', 'pool', 'route')}\n)"},
                "percentunit",
                ALWAYS_NEUTRAL,
                decimals=2,
            ).wide(6),
            stat(
                "Error budget left",
                "Of the failures that the objective allows in 30 days, the share that is left. Below 0 the objective "
                "is missed.",
                {_ROUTE: budget_left("30d")},
                "percentunit",
                BUDGET,
            ).wide(6),
            stat(
                "Probes in 30 days",
                "How many probes these numbers rest on, and of how many nobody can tell: with few of the first, or "
                "many of the second, they say little.",
                {
                    "judged": 'sum(increase(mailflow_probe_outcomes_total{<path>, outcome!="unknown"}[30d]))',
                    "unknown": 'sum(increase(mailflow_probe_outcomes_total{<path>, outcome="unknown"}[30d]))',
                },
                "short",
                ALWAYS_NEUTRAL,
            ).wide(6),
        ),
        strip(
            9,
            graph(
                "Error budget left, over time",
                "Of the failures that the objective allows in the 30 days before, the share that was left.",
                {_ROUTE: budget_left("30d"), "used up": "vector(0)"},
                "percentunit",
                log=False,
            ).limited("used up"),
            table(
                "Who used it up",
                "Failures of each path within 30 days.",
                "sort_desc(sum by (pool, member, route) (increase(mailflow_probe_failures_total{<path>}[30d]))) > 0",
                "short",
                {"pool": "Pool", "member": "Member", "route": "Route", "Value": "Failures"},
            ),
        ),
        Heading("How fast it is used up"),
        strip(
            8,
            _burning("Within an hour", "1h", 14.4, "an hour takes 2 % of it: somebody should look now").wide(8),
            _burning("Within six hours", "6h", 6, "six hours take 5 % of it: somebody should look now").wide(8),
            _burning("Within three days", "3d", 1, "it will not last: somebody should look this week").wide(8),
        ),
        Heading("What it went to"),
        strip(
            8,
            stack(
                "Failures by member",
                "Unexpected outcomes, unknown ones left out.",
                {
                    "{{pool}}/{{member}}": "sum by (pool, member) "
                    "(increase(mailflow_probe_failures_total{<path>}[$__rate_interval])) > 0"
                },
                "short",
                bars=True,
            ),
            graph(
                "Share of probes that nobody can tell of",
                "Unknown outcomes among all probes that ended within an hour: how blind these numbers are.",
                {_ROUTE: _BLIND},
                "percentunit",
                top=1,
            ),
        ),
    ),
)
