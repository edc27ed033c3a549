"""The metric of tokens: until when those hold that pools and mailboxes are opened with."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily


@dataclass(frozen=True, slots=True)
class TokenExpiries:
    """When the tokens expire that are held now, by pool and by mailbox."""

    pools: Mapping[str, datetime] = field(default_factory=dict)
    mailboxes: Mapping[str, datetime] = field(default_factory=dict)


def token_metrics(expiries: TokenExpiries) -> Iterator[Metric]:
    """Tell when the tokens expire."""
    family = GaugeMetricFamily(
        "mailflow_oauth_token_expiry_timestamp_seconds",
        "When the token expires that the pool or the mailbox is opened with; it is renewed before.",
        labels=("pool", "mailbox"),
    )
    for pool, expiry in expiries.pools.items():
        family.add_metric((pool, ""), expiry.timestamp())  # an empty label is none
    for mailbox, expiry in expiries.mailboxes.items():
        family.add_metric(("", mailbox), expiry.timestamp())
    yield family
