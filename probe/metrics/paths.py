"""The metrics of a path: what was counted of a member on a route."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate

from prometheus_client import Metric
from prometheus_client.utils import floatToGoString

from probe.engine.figures import Histogram, PathFigures
from probe.metrics.rows import Row, Rows, counter, gauge
from probe.model.letter import Hop
from probe.model.outcome import Stage
from probe.model.probe import PathKey

Paths = Mapping[PathKey, PathFigures]


def path_metrics(paths: Paths) -> Iterator[Metric]:
    """Tell the figures of every path."""
    yield from (_counter(row, paths) for row in _COUNTERS)
    yield from (_gauge(row, paths) for row in _GAUGES)
    yield _outcomes(paths)
    yield from (_histogram(row, paths) for row in _HISTOGRAMS)
    yield _stages(paths)
    yield from (_hops(row, paths) for row in _HOPS)
    yield _authentication(paths)


_LABELS = ("pool", "member", "route")
_NOTHING = timedelta(0)
_MOST_HOPS = 30
"""Further Received lines are left out: every hop is a series, and a message may carry any number of them."""


@dataclass(frozen=True, slots=True)
class _Number:
    name: str
    help: str
    read: Callable[[PathFigures], float | None]
    """None where there is nothing to tell yet."""


@dataclass(frozen=True, slots=True)
class _Durations:
    name: str
    help: str
    read: Callable[[PathFigures], Histogram]


@dataclass(frozen=True, slots=True)
class _OfHop:
    name: str
    help: str
    read: Callable[[Hop], timedelta | None]


def _seconds(moment: datetime | None) -> float | None:
    return moment.timestamp() if moment else None


_COUNTERS = (
    _Number("mailflow_probes_started", "Probes that were started.", lambda path: path.started),
    _Number("mailflow_probes", "Probes that finished, each with one outcome.", lambda path: path.finished),
    _Number(
        "mailflow_probe_failures",
        "Probes that ended otherwise than their route expects; those of unknown outcome are not among them.",
        lambda path: path.failures,
    ),
    _Number(
        "mailflow_late_arrivals",
        "Messages that arrived after their probe had ended as missing or unknown.",
        lambda path: path.late,
    ),
    _Number("mailflow_duplicates", "Further copies of messages that had arrived before.", lambda path: path.duplicates),
    _Number(
        "mailflow_late_bounces",
        "Bounces that came after their probe had ended as missing or unknown.",
        lambda path: path.late_bounces,
    ),
    _Number("mailflow_retries", "Further tries to send a message, after the first.", lambda path: path.retries),
    _Number(
        "mailflow_path_changes",
        "Messages whose way was not that of those before: a hop new, gone or moved, or without the TLS it had.",
        lambda path: path.path_changes,
    ),
    _Number(
        "mailflow_probes_skipped",
        "Turns left out because the transaction before was still going on, or a cap was reached.",
        lambda path: path.skipped,
    ),
)

_GAUGES = (
    _Number(
        "mailflow_probe_success",
        "1 if the last finished probe ended as its route expects, else 0.",
        lambda path: float(bool(path.success)),
    ),
    _Number("mailflow_probes_in_flight", "Probes that have no outcome yet.", lambda path: path.in_flight),
    _Number(
        "mailflow_last_delivery_timestamp_seconds",
        "When the last message was seen that was delivered in time.",
        lambda path: _seconds(path.last_delivery),
    ),
    _Number(
        "mailflow_last_probe_timestamp_seconds",
        "When the last probe finished, whatever its outcome.",
        lambda path: _seconds(path.last_probe),
    ),
)

_HISTOGRAMS = (
    _Durations(
        "mailflow_delivery_duration_seconds",
        "Time from the first byte sent to the message seen in the mailbox, of delivered probes.",
        lambda path: path.delivery,
    ),
    _Durations(
        "mailflow_acceptance_duration_seconds",
        "Time from the start of the probe to its message being accepted, over all its tries, of accepted probes.",
        lambda path: path.acceptance,
    ),
    _Durations(
        "mailflow_smtp_duration_seconds",
        "Time from connecting to the reply after the final dot, of every try that came so far.",
        lambda path: path.smtp,
    ),
)


_HOPS = (
    _OfHop(
        "mailflow_hop_delay_seconds",
        "Time from the Received line before to this one, of the last message seen, by foreign clocks; 1 is the oldest.",
        lambda hop: hop.delay,
    ),
    _OfHop(
        "mailflow_hop_clock_skew_seconds",
        "By how much a hop's clock is wrong at least, above 0 where it is ahead, of the last message seen.",
        lambda hop: hop.skew or _NOTHING if hop.at else None,
    ),
)


def _counter(row: _Number, paths: Paths) -> Metric:
    return counter(row.name, row.help, labels=_LABELS, rows=_told(row, paths))


def _gauge(row: _Number, paths: Paths) -> Metric:
    return gauge(row.name, row.help, labels=_LABELS, rows=_told(row, paths))


def _told(row: _Number, paths: Paths) -> Iterator[tuple[PathKey, float]]:
    for labels, figures in paths.items():
        value = row.read(figures)
        if value is not None:
            yield labels, value


def _outcomes(paths: Paths) -> Metric:
    return counter(
        "mailflow_probe_outcomes",
        "Probes that finished, by how they ended.",
        labels=(*_LABELS, "outcome"),
        rows=(
            ((*labels, outcome.value), count)
            for labels, figures in paths.items()
            for outcome, count in figures.outcomes.items()
        ),
    )


def _histogram(row: _Durations, paths: Paths) -> Metric:
    return Rows("histogram", row.name, row.help, labels=_LABELS, rows=_buckets(row, paths))


def _buckets(row: _Durations, paths: Paths) -> Iterator[Row]:
    for labels, figures in paths.items():
        durations = row.read(figures)
        bounds = [*map(floatToGoString, durations.bounds), "+Inf"]
        counts = list(accumulate(durations.counts))
        for bound, count in zip(bounds, counts, strict=True):
            yield "_bucket", (*labels, bound), count
        yield "_count", labels, counts[-1]
        yield "_sum", labels, durations.sum_seconds


def _stages(paths: Paths) -> Metric:
    return gauge(
        "mailflow_smtp_stage_duration_seconds",
        "Time that each stage of the SMTP dialogue took in the last try; 0 for those that were not reached.",
        labels=(*_LABELS, "stage"),
        rows=(
            ((*labels, stage.value), figures.stages.get(stage, _NOTHING).total_seconds())
            for labels, figures in paths.items()
            for stage in Stage
        ),
    )


def _authentication(paths: Paths) -> Metric:
    return gauge(
        "mailflow_authentication_pass",
        "1 if the last message seen passed SPF, DKIM or DMARC, by the server whose word is trusted, else 0.",
        labels=(*_LABELS, "method"),
        rows=(
            ((*labels, method), float(result == "pass"))
            for labels, figures in paths.items()
            for method, result in figures.authentication
        ),
    )


def _hops(row: _OfHop, paths: Paths) -> Metric:
    return gauge(row.name, row.help, labels=(*_LABELS, "hop"), rows=_told_of_hops(row, paths))


def _told_of_hops(row: _OfHop, paths: Paths) -> Iterator[tuple[tuple[str, ...], float]]:
    for labels, figures in paths.items():
        for number, hop in enumerate(figures.hops[:_MOST_HOPS], start=1):
            value = row.read(hop)
            if value is not None:
                yield (*labels, str(number)), value.total_seconds()
