"""The metrics of routes: what the config asks for, and whether the members of a pool fail alike."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from probe.model.settings import Route


def route_metrics(routes: Iterable[Route], shared_faults: Mapping[tuple[str, str], bool]) -> Iterator[Metric]:
    """Tell what each route asks for and joins, and whether its members fail alike."""
    routes = tuple(routes)
    yield _joined(routes)
    yield _expected(routes)
    yield from (_gauge(row, routes) for row in _GAUGES)
    yield _shared(shared_faults)


_LABELS = ("pool", "route")


@dataclass(frozen=True, slots=True)
class _Setting:
    name: str
    help: str
    read: Callable[[Route], float]


_GAUGES = (
    _Setting(
        "mailflow_probe_interval_seconds",
        "How often a probe is sent through each member, by the config.",
        lambda route: route.interval.total_seconds(),
    ),
    _Setting(
        "mailflow_probe_deadline_seconds",
        "How long a message may take to be delivered, by the config.",
        lambda route: route.deadline.total_seconds(),
    ),
    _Setting(
        "mailflow_route_objective_ratio",
        "The share of probes that shall succeed, by the config.",
        lambda route: route.objective,
    ),
)


def _joined(routes: Iterable[Route]) -> Metric:
    family = GaugeMetricFamily(
        "mailflow_route_info",
        "Always 1; joins a route to the mailbox in which its messages are looked for; empty where nothing is sent.",
        labels=(*_LABELS, "mailbox"),
    )
    for route in routes:
        family.add_metric((route.pool, route.name, route.mailbox or ""), 1)
    return family


def _expected(routes: Iterable[Route]) -> Metric:
    family = GaugeMetricFamily(
        "mailflow_route_expectation_info",
        "Always 1; names the outcome with which a probe of the route succeeds, by the config.",
        labels=(*_LABELS, "outcome"),
    )
    for route in routes:
        family.add_metric((route.pool, route.name, route.expect.value), 1)
    return family


def _gauge(row: _Setting, routes: Iterable[Route]) -> Metric:
    family = GaugeMetricFamily(row.name, row.help, labels=_LABELS)
    for route in routes:
        family.add_metric((route.pool, route.name), row.read(route))
    return family


def _shared(shared_faults: Mapping[tuple[str, str], bool]) -> Metric:
    family = GaugeMetricFamily(
        "mailflow_shared_fault",
        "1 while it works for no member of the pool on the route, so that what they share is to blame.",
        labels=_LABELS,
    )
    for labels, shared in shared_faults.items():
        family.add_metric(labels, float(shared))
    return family
