"""The panels that several dashboards show: verdicts, and how probes ended."""

from dashboards.source.links import OF_MEMBER, OF_PATH
from dashboards.source.looks import ENDS, OUTCOMES, SUCCESS, VERDICTS
from dashboards.source.panels import Panel, history, stack, timeline

BY_MEMBER = "{{pool}}/{{member}}"
BY_PATH = "{{pool}}/{{member}} {{route}}"

CERTIFICATE_LEFT = """\
    min by (pool, member) (
      mailflow_tls_certificate_expiry_timestamp_seconds{<member>} - time()
    )"""
SINCE_DELIVERY = """\
    time() - max by (instance, pool, member, route) (
      mailflow_last_delivery_timestamp_seconds{<path>}
    )"""
CHANGES_WITHIN_A_DAY = """\
    sum by (instance, pool, member) (
      increase(mailflow_member_state_changes_total{<member>}[1d])
    )"""
ASIDE = """\
    max by (instance, pool, member) (
      mailflow_member_held{<member>} + 2 * mailflow_member_in_maintenance{<member>}
    )"""
VERDICT = """\
    min by (instance, pool, member) (sum without (state) (
        2 * mailflow_member_state{<member>, state="up"}
      or
        mailflow_member_state{<member>, state="unknown"}
    ))"""
_ENDED = "(increase(mailflow_probe_outcomes_total{{<path>{matcher}}}[$__rate_interval]) > bool 0)"
_NUMBERED = "\nor ".join(
    f"{value} * " + _ENDED.format(matcher=f', outcome="{outcome}"') for value, outcome in enumerate(OUTCOMES, start=2)
)
_EXPECTED = "on (job, instance, pool, route, outcome) mailflow_route_expectation_info{<route>}"
_WORST = f"""\
max by (instance, pool, member, route) (
({_NUMBERED})
unless {_EXPECTED}
or {_ENDED.format(matcher="")}
and {_EXPECTED}
) > 0"""


def verdicts() -> Panel:
    """Return what load balancers are told, over time."""
    return timeline(
        "Verdicts",
        "What load balancers are told about each member. A box leads to the member's probes and to its detail.",
        {BY_MEMBER: VERDICT},
        VERDICTS,
    ).linked(*OF_MEMBER)


def outcomes_over_time() -> Panel:
    """Return how probes ended, a box for each piece of the time."""
    return history(
        "Outcomes",
        "Whether the probes of each path ended as its route expects, or else how. Of several in one box the worst is "
        "shown; a box reaches a little into the one before. No box: no probe ended. A box leads to the probes.",
        {BY_PATH: _WORST},
        ENDS,
    ).linked(*OF_PATH)


def last_probe() -> Panel:
    """Return whether the last probe of each path ended as expected, over time."""
    return timeline(
        "Last probe",
        "Whether the last finished probe of each path ended as its route expects. Unknown is not as expected.",
        {BY_PATH: "min by (instance, pool, member, route) (mailflow_probe_success{<path>})"},
        SUCCESS,
    ).linked(*OF_PATH)


def outcomes_by_kind() -> Panel:
    """Return how many probes ended how."""
    return stack(
        "Outcomes by kind",
        "Finished probes of the chosen paths by how they ended.",
        {"{{outcome}}": ("sum by (outcome) (increase(mailflow_probe_outcomes_total{<path>}[$__rate_interval])) > 0")},
        "short",
        bars=True,
    ).coloured(OUTCOMES)
