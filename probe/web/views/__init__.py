"""The one place that turns records into the JSON that scripts hold on to."""

from probe.web.views.enquiry import enquiry_view
from probe.web.views.mailboxes import mailboxes_view
from probe.web.views.pools import pools_view
from probe.web.views.probes import life_view, page_view, probe_view, why
from probe.web.views.values import moment
from probe.web.views.verdicts import changes_view, evidence_age_seconds, hold_view, holds_view, verdict_view, word_view

__all__ = [
    "changes_view",
    "enquiry_view",
    "evidence_age_seconds",
    "hold_view",
    "holds_view",
    "life_view",
    "mailboxes_view",
    "moment",
    "page_view",
    "pools_view",
    "probe_view",
    "verdict_view",
    "why",
    "word_view",
]
