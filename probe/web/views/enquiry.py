"""What servers say of an address."""

from collections.abc import Sequence

from probe.model.consensus import Asked, consensus, sentence
from probe.model.message import Envelope
from probe.model.tls_findings import TlsFindings
from probe.web.views.findings import findings_view
from probe.web.views.probes import exchange_view
from probe.web.views.values import Json, moment


def enquiry_view(
    envelope: Envelope, asked: Sequence[Asked], *, gap: str | None, findings: TlsFindings | None = None
) -> Json:
    """Return what servers say of an address, and what there is to say of their TLS, as `mailflow verify` tells it."""
    return {
        "address": envelope.recipient,
        "sender": envelope.sender,
        "consensus": consensus(asked, gap=gap).value,
        "summary": sentence(envelope.recipient, asked, gap=gap),
        "note": gap,
        "findings": findings_view(findings.domain if findings else None),
        "servers": [
            _asked(each) | {"findings": findings_view(findings.servers.get(each.member.name) if findings else None)}
            for each in asked
        ],
    }


def _asked(asked: Asked) -> Json:
    member, attempt, reply = asked.member, asked.attempt, asked.attempt.reply
    return {
        "server": member.name,
        "hostname": member.hostname,
        "address": member.endpoint,
        "preference": member.preference,
        "verdict": asked.answer.value,
        "stage": attempt.stage.value,
        "code": reply.code if reply else None,
        "enhanced_code": reply.enhanced_code if reply else None,
        "text": reply.text if reply else None,
        "reason": attempt.reason,
        "stages": {stage.value: took.total_seconds() for stage, took in attempt.stages.items()},
        "transcript": [exchange_view(exchange, 1) for exchange in attempt.transcript],
        "starttls_offered": attempt.tls.offered,
        "tls_version": attempt.tls.version,
        "certificate_expiry": moment(attempt.certificate_expiry),
    }
