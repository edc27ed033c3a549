"""What there is to say about the TLS of a domain's exchangers, and what it is said from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from probe.model.certificate import Shown
from probe.model.dane import Tlsa
from probe.model.sts import StsPolicy
from probe.model.tls_seen import TlsSeen


class Word(StrEnum):
    """What kind of finding it is: the result types of RFC 8460 4.3, and below them our own."""

    STARTTLS_NOT_SUPPORTED = "starttls-not-supported"
    CERTIFICATE_HOST_MISMATCH = "certificate-host-mismatch"
    CERTIFICATE_EXPIRED = "certificate-expired"
    CERTIFICATE_NOT_TRUSTED = "certificate-not-trusted"
    VALIDATION_FAILURE = "validation-failure"
    TLSA_INVALID = "tlsa-invalid"
    DNSSEC_INVALID = "dnssec-invalid"
    DANE_REQUIRED = "dane-required"
    STS_POLICY_FETCH_ERROR = "sts-policy-fetch-error"
    STS_POLICY_INVALID = "sts-policy-invalid"
    STS_WEBPKI_INVALID = "sts-webpki-invalid"
    CERTIFICATE_EXPIRES_SOON = "certificate-expires-soon"
    STS_NOT_ENFORCED = "sts-not-enforced"
    """The policy's mode is testing or none."""
    DNSSEC_MISSING = "dnssec-missing"
    """There are TLSA records, but senders do not believe them."""
    NOT_JUDGED = "not-judged"
    """What would have to be known was not seen."""


class Source(StrEnum):
    """What asks for that which is missing."""

    MTA_STS = "mta-sts"
    DANE = "dane"
    PLAIN = "plain"
    """No policy: what a postmaster wants to know anyway."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to be looked at, in one sentence for a person."""

    word: Word
    source: Source
    text: str


@dataclass(frozen=True, slots=True)
class StsAnswer:
    """What became of looking for a policy: one, a fault, or neither, where the domain announces none."""

    policy: StsPolicy | None = None
    fault: Finding | None = None


@dataclass(frozen=True, slots=True)
class TlsaAnswer:
    """What DNS says of one server."""

    records: tuple[Tlsa, ...] = ()
    secure: bool = False
    """Validated by DNSSEC."""
    trouble: str | None = None
    """Why there is no answer, in one sentence, where there ought to be one."""

    @property
    def counts(self) -> bool:
        """Tell whether senders go by it."""
        return self.secure and bool(self.records)


@dataclass(frozen=True, slots=True)
class Published:
    """What a domain publishes about TLS to its exchangers, as it was looked up."""

    domain: str
    sts: StsAnswer = StsAnswer()
    mx_secure: bool = False
    """The domain's MX records were validated by DNSSEC."""
    tlsa: Mapping[tuple[str, int], TlsaAnswer] = field(default_factory=dict)
    """By host and port."""

    @property
    def in_doubt(self) -> bool:
        """Tell whether something could not be looked up, which may be over soon."""
        not_fetched = self.sts.fault is not None and self.sts.fault.word is Word.STS_POLICY_FETCH_ERROR
        return not_fetched or any(answer.trouble for answer in self.tlsa.values())


@dataclass(frozen=True, slots=True)
class ServerTls:
    """A server, and what was seen of its TLS."""

    host: str
    port: int
    seen: TlsSeen
    shown: Shown | None


@dataclass(frozen=True, slots=True)
class TlsFindings:
    """All findings on a domain: its own, and by name those of its servers."""

    domain: tuple[Finding, ...] = ()
    servers: Mapping[str, tuple[Finding, ...]] = field(default_factory=dict)
