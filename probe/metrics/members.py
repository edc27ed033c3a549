"""The metrics of members and of their pools: what load balancers are told."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from probe.engine.figures import MemberFigures
from probe.metrics.rows import counter, gauge
from probe.model.outcome import State
from probe.model.settings import MemberKey
from probe.model.verdict import Verdict

Members = Mapping[tuple[str, str], MemberFigures]


def member_metrics(members: Members, state_changes: Mapping[MemberKey, int]) -> Iterator[Metric]:
    """Tell the verdict on every member, what operators have to do with it, and until when its certificate holds."""
    yield _states(members)
    yield _changes(members, state_changes)
    yield from _flags(members)
    yield _certificates(members)
    yield _injections(members)
    yield _findings(members)


def setback_metrics(members: Iterable[MemberKey], setbacks: Mapping[MemberKey, int]) -> Iterator[Metric]:
    """Tell for which members retries wait."""
    yield gauge(
        "mailflow_setbacks",
        "Failures of the member to be connected to, and recipients that it refused, that are remembered for retries.",
        labels=_LABELS,
        rows=((labels, setbacks.get(labels, 0)) for labels in members),
    )


def pool_metrics(guarded: Mapping[str, int]) -> Iterator[Metric]:
    """Tell how many members of each pool are kept up though they failed."""
    family = GaugeMetricFamily(
        "mailflow_verdicts_guarded",
        "Members that failed and are kept up, by min_healthy or because what members share may be to blame.",
        labels=("pool",),
    )
    for pool, count in guarded.items():
        family.add_metric((pool,), count)
    yield family


_LABELS = ("pool", "member")


def _states(members: Members) -> Metric:
    return gauge(
        "mailflow_member_state",
        "1 for the state that the member is in, 0 for the others.",
        labels=(*_LABELS, "state"),
        rows=(
            ((*labels, state.value), float(state is (figures.verdict.state if figures.verdict else State.UNKNOWN)))
            for labels, figures in members.items()
            for state in State
        ),
    )


def _changes(members: Iterable[MemberKey], state_changes: Mapping[MemberKey, int]) -> Metric:
    return counter(
        "mailflow_member_state_changes",
        "How often the state of the member changed.",
        labels=_LABELS,
        rows=((labels, state_changes.get(labels, 0)) for labels in members),
    )


def _flags(members: Members) -> Iterator[Metric]:
    for name, about, tells in _FLAGS:
        rows = [
            (labels, float(figures.verdict is not None and tells(figures.verdict)))
            for labels, figures in members.items()
        ]
        yield gauge(name, about, labels=_LABELS, rows=rows)


_FLAGS: tuple[tuple[str, str, Callable[[Verdict], bool]], ...] = (
    (
        "mailflow_member_flapping",
        "1 while the member was called up and down so often that it must be good for longer to be called up.",
        lambda verdict: verdict.flapping,
    ),
    (
        "mailflow_member_held",
        "1 while somebody holds the verdict on the member by hand.",
        lambda verdict: verdict.hold is not None,
    ),
    (
        "mailflow_member_in_maintenance",
        "1 while the member is under maintenance that was planned.",
        lambda verdict: verdict.maintenance is not None,
    ),
)


def _certificates(members: Members) -> Metric:
    return gauge(
        "mailflow_tls_certificate_expiry_timestamp_seconds",
        "When the certificate expires that the member showed last.",
        labels=_LABELS,
        rows=(
            (labels, figures.certificate_expiry.timestamp())
            for labels, figures in members.items()
            if figures.certificate_expiry
        ),
    )


def _injections(members: Members) -> Metric:
    return counter(
        "mailflow_starttls_injections",
        "How often plain text came in front of the TLS handshake, and the dialogue was given up for it.",
        labels=_LABELS,
        rows=((labels, figures.starttls_injections) for labels, figures in members.items()),
    )


def _findings(members: Members) -> Metric:
    return gauge(
        "mailflow_tls_findings",
        "How many findings there are now on the TLS of the member, an exchanger.",
        labels=_LABELS,
        rows=((labels, len(figures.findings)) for labels, figures in members.items() if figures.findings is not None),
    )
