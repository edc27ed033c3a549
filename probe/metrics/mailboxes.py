"""The metrics of mailboxes: whether they can be read, and what lies in them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from probe.engine.figures import MailboxFigures
from probe.model.trouble import TroubleKind


def mailbox_metrics(mailboxes: Mapping[str, MailboxFigures]) -> Iterator[Metric]:
    """Tell the figures of every mailbox."""
    for row in _ROWS:
        family = row.family(row.name, row.help, labels=("mailbox",))
        for mailbox, figures in mailboxes.items():
            value = row.read(figures)
            if value is not None:
                family.add_metric((mailbox,), value)
        yield family
    yield _troubles(mailboxes)


def _troubles(mailboxes: Mapping[str, MailboxFigures]) -> Metric:
    family = GaugeMetricFamily(
        "mailflow_mailbox_trouble",
        "1 for each kind of trouble that the mailbox has now; those of a mailbox that can be read, too.",
        labels=("mailbox", "kind"),
    )
    for mailbox, figures in mailboxes.items():
        present = {trouble.kind for trouble in figures.troubles}
        for kind in TroubleKind:
            family.add_metric((mailbox, kind.value), float(kind in present))
    return family


@dataclass(frozen=True, slots=True)
class _Row:
    family: type[CounterMetricFamily] | type[GaugeMetricFamily]
    name: str
    help: str
    read: Callable[[MailboxFigures], float | None]
    """None where there is nothing to tell yet."""


_ROWS = (
    _Row(
        GaugeMetricFamily,
        "mailflow_mailbox_up",
        "1 if the mailbox could be read when it was last tried, else 0.",
        lambda mailbox: float(mailbox.up),
    ),
    _Row(
        GaugeMetricFamily,
        "mailflow_mailbox_last_read_timestamp_seconds",
        "When a folder of the mailbox was last read completely.",
        lambda mailbox: mailbox.last_read.timestamp() if mailbox.last_read else None,
    ),
    _Row(
        GaugeMetricFamily,
        "mailflow_mailbox_messages",
        "Messages in the watched folders of the mailbox, whoever they are from.",
        lambda mailbox: mailbox.messages,
    ),
    _Row(
        GaugeMetricFamily,
        "mailflow_mailbox_backlog_messages",
        "Older messages in the mailbox that have not been read yet, at most; new ones are read before them.",
        lambda mailbox: mailbox.backlog,
    ),
    _Row(
        GaugeMetricFamily,
        "mailflow_mailbox_deletion_refused",
        "1 while nothing is deleted from a folder of the mailbox, because it holds too much that is not ours.",
        lambda mailbox: float(bool(mailbox.spared)),
    ),
    _Row(
        GaugeMetricFamily,
        "mailflow_mailbox_quota_used_ratio",
        "Share of the mailbox's tightest quota that is used; only where its server tells (RFC 9208).",
        lambda mailbox: mailbox.quota.ratio if mailbox.quota else None,
    ),
    _Row(
        CounterMetricFamily,
        "mailflow_foreign_messages",
        "Messages seen in the mailbox that are none of ours; they are left alone.",
        lambda mailbox: mailbox.foreign,
    ),
    _Row(
        CounterMetricFamily,
        "mailflow_forged_tags",
        "Messages seen in the mailbox whose tag pretends to be ours and is not.",
        lambda mailbox: mailbox.forged,
    ),
    _Row(
        CounterMetricFamily,
        "mailflow_ignored_replies",
        "Answers of programs and bounces of bounces that were seen in the mailbox; they prove nothing.",
        lambda mailbox: mailbox.replies,
    ),
)
