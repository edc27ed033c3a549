"""What the rules of the linter take a query for."""

import pytest

from tests.dashboards.promql import selectors, windows


@pytest.mark.parametrize(
    "query, metrics",
    [
        ("up", ["up"]),
        ("vector(1)", []),
        ('sum by (pool) (rate(a_total{job="x}"}[5m]))', ["a_total"]),
        ("sum(a) by (pool)", ["a"]),
        ("a / on (pool) group_left (mailbox) (b > bool 0)", ["a", "b"]),
        ('label_replace(a{x="y"}, "member", "$1", "server", "(.+)") == 1', ["a"]),
        ("2 * a or time() - b unless c", ["a", "b", "c"]),
        ("histogram_quantile(0.95, sum by (le) (increase(a_bucket{}[$__rate_interval])))", ["a_bucket"]),
    ],
)
def test_the_metrics_of_a_query_are_found(query: str, metrics: list[str]) -> None:
    assert [selector.metric for selector in selectors(query)] == metrics


@pytest.mark.parametrize(
    "query, function",
    [
        ("a", ""),
        ("rate(a[5m])", "rate"),
        ("rate(a{b='c'}[5m])", "rate"),
        ("sum(rate(a[5m]))", "rate"),
        ("sum(a)", "sum"),
    ],
)
def test_it_is_known_what_takes_a_metric(query: str, function: str) -> None:
    [selector] = selectors(query)
    assert selector.function == function


def test_matchers_are_read_with_their_kind() -> None:
    [selector] = selectors('a{job=~"$job", state!="up", le="+Inf"}')
    assert selector.matchers == {("job", "=~", "$job"), ("state", "!=", "up"), ("le", "=", "+Inf")}
    assert selector.labels == {"job", "state", "le"}


def test_windows_are_those_of_the_functions_asked_for() -> None:
    assert list(windows('rate(a{b="c"}[1m]) + increase(a[2m]) + irate(a[3m])', "rate", "irate")) == ["1m", "3m"]
