"""What there is to say about the TLS of exchangers."""

from collections.abc import Iterable

from probe.model.tls_findings import Finding
from probe.web.views.values import Json


def findings_view(findings: Iterable[Finding] | None) -> list[Json] | None:
    """Return findings on TLS; None where it is not judged."""
    if findings is None:
        return None
    return [{"finding": each.word.value, "source": each.source.value, "text": each.text} for each in findings]
