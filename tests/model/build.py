"""Values to test the model with: complete, plain, and changed only where a test says so."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from probe.model.blame import Finished
from probe.model.findings import NOTHING_FOUND, Findings
from probe.model.letter import Folder, Letter, Place, Sighting
from probe.model.outcome import Outcome, Stage
from probe.model.probe import Probe, Record, Sending
from probe.model.reply import Ending
from probe.model.report import Action, Report
from probe.model.settings import Content, Route, TagKey

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
TICK = timedelta(microseconds=1)
DEADLINE = NOW + 5 * MINUTE
KEY = TagKey("k1", b"0123456789abcdef")


PLAIN = Content()


def route(content: Content = PLAIN) -> Route:
    return Route(
        name="inbound",
        pool="vip",
        mailbox="monitor",
        sender="probe@lab.test",
        recipient="monitor@lab.test",
        bounces="monitor",
        interval=MINUTE,
        deadline=5 * MINUTE,
        content=content,
    )


def probe(*, expected: Outcome = Outcome.DELIVERED) -> Probe:
    return Probe(
        id="abcdefghijklmnopqrsa",
        instance="probe-a",
        pool="vip",
        member="mta1",
        route="inbound",
        mailbox="monitor",
        bounces="monitor",
        slot=1,
        endpoint="127.0.0.11:2525",
        expected=expected,
        started=NOW,
        deadline=DEADLINE,
        late_until=NOW + timedelta(days=5),
    )


def sending(ending: Ending, stage: Stage = Stage.BODY, reason: str = "the server's words") -> Sending:
    return Sending(ending, stage, reason)


def sighting(
    folder: Folder = Folder.INBOX, *, seen: datetime = NOW + SECOND, findings: Findings = NOTHING_FOUND
) -> Sighting:
    return Sighting(probe().id, Place("monitor", folder, 1, "1"), seen, None, 1000, findings=findings)


BOUNCE = Report(Action.FAILED, "5.1.1", "mta1.lab.test", "mx.example.org", "550 5.1.1 no such user")


def bounce(report: Report = BOUNCE, *, seen: datetime = NOW + SECOND) -> Sighting:
    return replace(sighting(seen=seen), report=report)


def asking(sent: Sending | None = None, *, next_attempt: datetime | None = None) -> Record:
    asked = replace(probe(expected=Outcome.ACCEPTED), mailbox=None, bounces=None)
    return Record(asked, attempts=int(sent is not None), next_attempt=next_attempt, sending=sent)


def record(
    sent: Sending | None = None,
    *,
    arrival: Sighting | None = None,
    next_attempt: datetime | None = None,
    bounce: Sighting | None = None,
) -> Record:
    return Record(
        probe(),
        attempts=int(sent is not None),
        next_attempt=next_attempt,
        sending=sent,
        arrival=arrival,
        bounce=bounce,
    )


def letter(header: bytes, body: bytes = b"") -> Letter:
    return Letter(Place("monitor", Folder.INBOX, 1, "1"), len(header) + len(body), NOW, None, header, body)


def finished(
    outcome: Outcome,
    *,
    member: str = "mta1",
    started: datetime = NOW,
    pool: str = "vip",
    route: str = "inbound",
    expected: Outcome = Outcome.DELIVERED,
    stage: Stage | None = None,
    enhanced_code: str | None = None,
    only_asks: bool = False,
    interval: timedelta = MINUTE,
    took: timedelta = SECOND,
    probe_id: str = "",
) -> Finished:
    return Finished(
        probe_id=probe_id or f"{member}@{started:%H:%M:%S}",
        pool=pool,
        member=member,
        route=route,
        outcome=outcome,
        expected=expected,
        started=started,
        finished=started + took,
        interval=interval,
        reason=f"it was {outcome}",
        stage=stage or (Stage.DATA if outcome in {Outcome.REJECTED, Outcome.DEFERRED} else None),
        enhanced_code=enhanced_code,
        only_asks=only_asks,
    )
