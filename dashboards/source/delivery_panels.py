"""The panels about time that several dashboards show: until delivery, and in the dialogue."""

from dashboards.source.panels import Panel, graph, heatmap, stack

_BUCKETS = "sum by ({labels}) (increase(mailflow_{histogram}_duration_seconds_bucket{{<path>}}[{window}]))"


def buckets(histogram: str, *by: str, window: str = "$__rate_interval") -> str:
    """Return how often each bucket of a histogram was met within a window."""
    return _BUCKETS.format(labels=", ".join((*by, "le")), histogram=histogram, window=window)


def quantile(share: float, histogram: str, *by: str) -> str:
    """Return what a share of the durations of the last half hour did not exceed."""
    return f"histogram_quantile({share}, {buckets(histogram, *by, window='30m')})"


def delivery_heat() -> Panel:
    """Return how long delivery took, all of it."""
    return heatmap(
        "Delivery time",
        "How long messages took from the first byte sent to being seen in the mailbox: the brighter the more messages.",
        buckets("delivery"),
    )


def delivery_quantiles() -> Panel:
    """Return half and nearly all of the delivery times, against the deadline."""
    return graph(
        "Delivery time against the deadline",
        "Half (p50) and nineteen of twenty (p95) of the messages delivered in the last 30 minutes took no longer than "
        "this. After the deadline, the shortest of the chosen routes, a message is missing.",
        {
            "p50": quantile(0.5, "delivery"),
            "p95": quantile(0.95, "delivery"),
            "deadline": "min(mailflow_probe_deadline_seconds{<route>})",
        },
        "s",
        log=True,
    ).limited("deadline")


def stages_over_time() -> Panel:
    """Return where the time of the dialogue goes."""
    return stack(
        "SMTP stages",
        "What each stage of the dialogue took in the last try, averaged over the chosen members and routes. "
        "A stage that was not reached counts as 0.",
        {"{{stage}}": "avg by (stage) (mailflow_smtp_stage_duration_seconds{<path>})"},
        "s",
    )


def hops() -> Panel:
    """Return where a message spent its time after it was accepted."""
    return stack(
        "Hops",
        "What each Received line was later than the one before, in the last message seen, averaged over the chosen "
        "paths. By the clocks of those servers: below 0 is a wrong clock. Hop 1 is the oldest and has no delay.",
        {"hop {{hop}}": "avg by (hop) (mailflow_hop_delay_seconds{<path>})"},
        "s",
    )
