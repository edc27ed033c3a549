"""Where the time goes: until delivery, until acceptance, in the dialogue, and from hop to hop."""

from dashboards.source.dashboard import Dashboard, Heading, strip
from dashboards.source.delivery_panels import (
    buckets,
    delivery_heat,
    delivery_quantiles,
    hops,
    quantile,
    stages_over_time,
)
from dashboards.source.links import OF_MEMBER, OF_PATH
from dashboards.source.panels import graph, heatmap
from dashboards.source.verdict_panels import BY_MEMBER, BY_PATH, SINCE_DELIVERY

_SLOWEST_STAGES = """\
    topk(10, max by (pool, member, stage) (mailflow_smtp_stage_duration_seconds{<path>})) > 0"""
_WAY = """\
    avg by (pool, member) (
      sum by (pool, member, route) (mailflow_hop_delay_seconds{<path>})
    )"""

DELIVERY = Dashboard(
    uid="mailflow-delivery",
    title="Mail flow: delivery time",
    description="How long messages take, in which member, in which stage of the dialogue and at which hop.",
    content=(
        strip(10, delivery_heat(), delivery_quantiles()),
        strip(
            8,
            graph(
                "Delivery time by member (p95)",
                "Nineteen of twenty messages delivered within 30 minutes took no longer than this.",
                {BY_MEMBER: quantile(0.95, "delivery", "instance", "pool", "member")},
                "s",
                log=True,
            )
            .wide(8)
            .linked(*OF_MEMBER),
            graph(
                "Since the last delivery",
                "Time since a message was seen that was delivered in time, by path. Nothing where none ever was.",
                {BY_PATH: SINCE_DELIVERY},
                "s",
                log=True,
            )
            .wide(8)
            .linked(*OF_PATH),
            graph(
                "After the deadline, and twice",
                "Messages that arrived after their probe had ended as missing or unknown, and further copies of "
                "messages that had arrived before.",
                {
                    "late": "sum(increase(mailflow_late_arrivals_total{<path>}[$__rate_interval]))",
                    "second copies": "sum(increase(mailflow_duplicates_total{<path>}[$__rate_interval]))",
                },
                "short",
            ).wide(8),
        ),
        Heading("Until accepted: the dialogue, and what retries wait for"),
        strip(
            9,
            heatmap(
                "SMTP dialogue",
                "How long tries took from connecting to the reply after the final dot.",
                buckets("smtp"),
            ).wide(8),
            graph(
                "SMTP dialogue by member (p95)",
                "Nineteen of twenty tries within 30 minutes took no longer than this.",
                {BY_MEMBER: quantile(0.95, "smtp", "instance", "pool", "member")},
                "s",
                log=True,
            )
            .wide(8)
            .linked(*OF_MEMBER),
            heatmap(
                "Time until accepted",
                "How long probes took from their start to their message being accepted, over all their tries: the time "
                "that greylisting takes is in it.",
                buckets("acceptance"),
            ).wide(8),
        ),
        strip(
            8,
            stages_over_time(),
            graph(
                "Slowest stages",
                "The ten stages that took longest in the last try, of all chosen members.",
                {BY_MEMBER + " {{stage}}": _SLOWEST_STAGES},
                "s",
                log=True,
            ),
        ),
        Heading("After that: from hop to hop"),
        strip(
            8,
            hops().wide(8),
            graph(
                "Way by member",
                "The delays of all hops of the last message seen, averaged over the routes.",
                {BY_MEMBER: _WAY},
                "s",
            ).wide(8),
            graph(
                "Another way than before",
                "Messages whose way was not that of those before: a hop new, gone or moved, or without the TLS it had.",
                {BY_MEMBER: "sum by (pool, member) (increase(mailflow_path_changes_total{<path>}[$__rate_interval]))"},
                "short",
            ).wide(8),
        ),
    ),
)
