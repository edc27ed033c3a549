"""The dashboard for the wall: does mail flow, and if not, where and since when."""

from dashboards.source.dashboard import Dashboard, Heading, strip
from dashboards.source.delivery_panels import delivery_heat, delivery_quantiles
from dashboards.source.links import OF_PATH
from dashboards.source.looks import (
    ALWAYS_NEUTRAL,
    BUDGET,
    CERTIFICATE,
    GOOD_AT_ZERO,
    NOTED_ABOVE_ZERO,
    READABLE,
)
from dashboards.source.panels import bars_by, graph, stat, table, timeline
from dashboards.source.probe_panels import config_and_ledger
from dashboards.source.promql import budget_left, failure_ratio
from dashboards.source.verdict_panels import BY_PATH, CERTIFICATE_LEFT, outcomes_by_kind, outcomes_over_time, verdicts

_OVERDUE = """\
    count(
        time() - mailflow_last_delivery_timestamp_seconds{<path>}
      > on (job, instance, pool, route) group_left ()
        3 * mailflow_probe_interval_seconds{<route>} + mailflow_probe_deadline_seconds{<route>}
    ) or vector(0)"""
_STAGES = """\
    label_join(
      avg by (pool, member, stage) (mailflow_smtp_stage_duration_seconds{<path>}),
      "path", "/", "pool", "member"
    )"""

OVERVIEW = Dashboard(
    uid="mailflow-overview",
    title="Mail flow: overview",
    description="Whether mail flows through every member, and what load balancers are told about it.",
    content=(
        strip(
            4,
            stat(
                "Members up, of all",
                "Members that load balancers are told to use, by at least one probe, and all members that are probed.",
                {
                    "up": 'sum(max by (pool, member) (mailflow_member_state{<member>, state="up"}))',
                    "all": 'count(max by (pool, member) (mailflow_member_state{<member>, state="up"}))',
                },
                "short",
                ALWAYS_NEUTRAL,
            ).wide(3),
            stat(
                "Members down",
                "Members that load balancers are told not to use, by at least one probe.",
                'sum(max by (pool, member) (mailflow_member_state{<member>, state="down"}))',
                "short",
                GOOD_AT_ZERO,
            ).wide(3),
            stat(
                "Error budget left",
                "Of the failures that the objective allows in 30 days, the share that is left, of the route that has "
                "least. Below 0 the objective is missed.",
                f"min({budget_left('30d')})",
                "percentunit",
                BUDGET,
            ).wide(3),
            stat(
                "Longest without a delivery",
                "Time since the last delivery, of the path where it is longest ago. Paths without any delivery are not "
                "in it.",
                "max(time() - mailflow_last_delivery_timestamp_seconds{<path>})",
                "s",
                ALWAYS_NEUTRAL,
            ).wide(3),
            stat(
                "Overdue paths",
                "Paths whose last delivery is longer ago than three intervals of their route and its deadline. Paths "
                "without any delivery are not in it.",
                _OVERDUE,
                "short",
                GOOD_AT_ZERO,
            ).wide(3),
            stat(
                "Kept up by the guard",
                "Members that failed and are kept up, because the pool would be emptied or what members share may be "
                "to blame.",
                "sum(mailflow_verdicts_guarded{<pool>})",
                "short",
                NOTED_ABOVE_ZERO,
            ).wide(3),
            stat(
                "Shared faults",
                "Routes on which all members fail alike, so that what they share is to blame and no verdict changes.",
                "sum(mailflow_shared_fault{<route>})",
                "short",
                GOOD_AT_ZERO,
            ).wide(3),
            stat(
                "Unreadable mailboxes",
                "Mailboxes that could not be read when they were last tried: about their routes nobody can tell.",
                "sum(1 - mailflow_mailbox_up{<target>})",
                "short",
                GOOD_AT_ZERO,
            ).wide(3),
        ),
        strip(10, verdicts(), outcomes_over_time()),
        Heading("How long, and how often in vain"),
        strip(9, delivery_heat(), delivery_quantiles()),
        strip(
            9,
            bars_by(
                "SMTP stages by member",
                "What each stage of the dialogue took in the last try, averaged over the routes. A stage that was not "
                "reached is 0.",
                _STAGES,
                "s",
                rows="path",
                parts="stage",
            ).wide(8),
            outcomes_by_kind().wide(8),
            graph(
                "Share of failures",
                "Unexpected outcomes among the probes of the last hour that somebody can tell of.",
                {BY_PATH: failure_ratio("1h", "instance", "pool", "member", "route")},
                "percentunit",
                top=1,
            )
            .wide(8)
            .linked(*OF_PATH),
        ),
        Heading("What else has to hold"),
        strip(
            8,
            table(
                "Certificates",
                "Time until the certificate expires that each member showed last.",
                CERTIFICATE_LEFT,
                "s",
                {"pool": "Pool", "member": "Member", "Value": "Expires in"},
                steps=CERTIFICATE,
                least_first=True,
            ).wide(6),
            timeline(
                "Mailboxes",
                "Whether each mailbox could be read. While one cannot, nobody can tell what becomes of its messages.",
                {"{{mailbox}}": "min by (mailbox) (mailflow_mailbox_up{<target>})"},
                READABLE,
            ).wide(6),
            graph(
                "Probes in flight, and turns left out",
                "Probes without an outcome yet; turns that were left out, because the member's transaction before was "
                "still going on or a cap was reached.",
                {
                    "in flight": "sum(mailflow_probes_in_flight{<path>})",
                    "left out": "sum(increase(mailflow_probes_skipped_total{<path>}[$__rate_interval]))",
                },
                "short",
            ).wide(6),
            config_and_ledger().wide(6),
        ),
    ),
)
