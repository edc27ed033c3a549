"""What load balancers were told when, and what that rested on."""

from dashboards.source import looks
from dashboards.source.dashboard import Dashboard, strip
from dashboards.source.links import OF_MEMBER
from dashboards.source.looks import PRESENT
from dashboards.source.panels import graph, stack, table, timeline
from dashboards.source.verdict_panels import (
    ASIDE,
    BY_MEMBER,
    CHANGES_WITHIN_A_DAY,
    last_probe,
    outcomes_over_time,
    verdicts,
)

_DOWN = f"""{CHANGES_WITHIN_A_DAY}
    and on (instance, pool, member)
    mailflow_member_state{{<member>, state="down"}} == 1"""

VERDICTS = Dashboard(
    uid="mailflow-verdicts",
    title="Mail flow: verdicts",
    description="Verdicts over time above the outcomes that they rest on, and what kept members up.",
    content=(
        strip(10, verdicts().wide(24)),
        strip(10, outcomes_over_time().wide(24)),
        strip(8, last_probe().wide(24)),
        strip(
            8,
            timeline(
                "Shared faults",
                "When all members of a pool failed alike on a route: what they share is to blame, and no verdict "
                "changes.",
                {"{{pool}} {{route}}": "max by (pool, route) (mailflow_shared_fault{<route>})"},
                PRESENT,
            ).wide(8),
            graph(
                "Kept up by the guard",
                "Members that failed and are kept up, by min_healthy or because what members share may be to blame.",
                {"{{pool}}": "max by (pool) (mailflow_verdicts_guarded{<pool>})"},
                "short",
            ).wide(8),
            timeline(
                "Flapping",
                "Members that were called up and down so often that being good has to last longer before they are "
                "called up again.",
                {BY_MEMBER: "max by (instance, pool, member) (mailflow_member_flapping{<member>})"},
                PRESENT,
            )
            .wide(8)
            .linked(*OF_MEMBER),
        ),
        strip(
            8,
            timeline(
                "Held and maintained",
                "Members whose verdict somebody holds by hand, and members under maintenance that was planned. "
                "Probes go on.",
                {BY_MEMBER: ASIDE},
                looks.ASIDE,
            )
            .wide(8)
            .linked(*OF_MEMBER),
            stack(
                "Changes of verdicts",
                "How often verdicts changed. A member that changes often is worth a look, whatever it is now.",
                {
                    BY_MEMBER: "sum by (instance, pool, member) "
                    "(increase(mailflow_member_state_changes_total{<member>}[$__rate_interval])) > 0"
                },
                "short",
                bars=True,
            )
            .wide(8)
            .linked(*OF_MEMBER),
            table(
                "Members down, and changes within a day",
                "Members that are down now, and how often their verdict changed within a day.",
                _DOWN,
                "short",
                {"instance": "Probe", "pool": "Pool", "member": "Member", "Value": "Changes"},
            ).wide(8),
        ),
    ),
)
