"""A board on which a little of everything has happened, for tests of those that read it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from probe.engine.board import Board
from probe.engine.happenings import Attempted, Ended, FolderRead, Judged, MembersKnown, Seen, Started, TlsJudged
from probe.model.findings import Findings
from probe.model.letter import Folder, Hop, Place, Sighting
from probe.model.outcome import Outcome, Stage, State
from probe.model.probe import Judgement, Probe, Record, Sending
from probe.model.reply import Attempt, Ending, Reply
from probe.model.secret import Secret
from probe.model.setbacks import Kind, Setback, Subject
from probe.model.settings import Discovery, DiscoveryKind, ImapSettings, Login, Mailbox, Member, Pool, Route, Settings
from probe.model.tls_findings import Finding, Source, TlsFindings, Word
from probe.model.trouble import Quota
from probe.model.verdict import Verdict
from probe.ports import Sighted

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
MEMBERS = ("mta1", "mta2")


def settings() -> Settings:
    """One pool of two members, one mailbox, one route."""
    monitor = Mailbox("monitor", "monitor@lab.test", ImapSettings("127.0.0.1", Login("monitor", Secret("x")), 993))
    pool = Pool("vip", tuple(Member("vip", name, "127.0.0.1", 2525) for name in MEMBERS))
    route = Route(
        name="inbound",
        pool="vip",
        mailbox="monitor",
        sender="probe@lab.test",
        recipient="monitor@lab.test",
        bounces="monitor",
        interval=timedelta(seconds=60),
        deadline=timedelta(minutes=5),
    )
    return Settings("probe-a", "sqlite://", {"monitor": monitor}, {"vip": pool}, {"inbound": route})


def asking() -> Settings:
    """The same, but on its route members are only asked."""
    sending = settings()
    route = replace(sending.routes["inbound"], mailbox=None, bounces=None, expect=Outcome.ACCEPTED)
    return replace(sending, mailboxes={}, routes={"inbound": route})


def fresh_board(asked: Settings | None = None) -> Board:
    """A board on which nothing has happened but that the members are known."""
    asked = asked or settings()
    board = Board(asked, now=NOW)
    for pool in asked.pools.values():
        board(MembersKnown(pool.name, pool.members))
    board.restore([], [], [])
    return board


def lively_board() -> Board:
    """A board on which mta1 delivered a message and mta2 lost one, and was called down for it."""
    board = fresh_board()
    for record in (delivered("a1"), missing("a2")):
        board(Started(record.probe))
        board(Attempted(record.probe, attempt(), 1))
        if record.arrival:
            board(Seen(record, record.arrival, Sighted.ARRIVAL))
        board(Ended(record))
    board(FolderRead("monitor", Folder.INBOX, NOW, 7, quota=Quota("MESSAGE", 7, 100)))
    board(Judged("vip", "mta1", Verdict(State.UP, "fine", NOW, ("a1",), NOW), None))
    board(Judged("vip", "mta2", Verdict(State.DOWN, "3 probes in a row missing", NOW, ("a2",), NOW), None))
    return board


def board_of_exchangers() -> Board:
    """A board of two exchangers; there is something to say about the TLS of mx2 and of their domain."""
    found = tuple(Member("mx", f"mx{number}-v4", "127.0.0.1", 2525 + number) for number in (1, 2))
    pool = Pool("mx", discovery=Discovery(DiscoveryKind.MX, "lab.test"))
    board = Board(replace(settings(), pools={"mx": pool}, routes={}), now=NOW)
    board(MembersKnown("mx", found))
    board(TlsJudged("mx", TlsFindings((TESTING,), {"mx1-v4": (), "mx2-v4": (MISFIT, MISFIT), "gone": (MISFIT,)})))
    return board


TESTING = Finding(Word.STS_NOT_ENFORCED, Source.MTA_STS, "the policy is in mode testing")
MISFIT = Finding(Word.VALIDATION_FAILURE, Source.DANE, 'none of the TLSA records of <mx2> fits "it"')


def a_probe(probe_id: str, member: str = "mta1") -> Probe:
    return Probe(
        id=probe_id,
        instance="probe-a",
        pool="vip",
        member=member,
        route="inbound",
        mailbox="monitor",
        bounces="monitor",
        slot=1,
        endpoint="127.0.0.1:2525",
        expected=Outcome.DELIVERED,
        started=NOW,
        deadline=NOW + timedelta(minutes=5),
        late_until=NOW + timedelta(days=5),
    )


def accepted(probe_id: str) -> Record:
    return Record(
        replace(a_probe(probe_id), mailbox=None, bounces=None, expected=Outcome.ACCEPTED),
        attempts=1,
        sending=Sending(Ending.ACCEPTED, Stage.RCPT, "rcpt accepted: 250 ok", code=250),
        judgement=Judgement(Outcome.ACCEPTED, "rcpt accepted: 250 ok"),
        finished=NOW + timedelta(seconds=1),
    )


def delivered(probe_id: str) -> Record:
    return Record(
        a_probe(probe_id),
        attempts=1,
        sending=sending(),
        arrival=sighting(probe_id),
        judgement=Judgement(Outcome.DELIVERED, "it was seen in the inbox before the deadline"),
        finished=NOW + timedelta(seconds=2),
    )


def missing(probe_id: str) -> Record:
    return Record(
        a_probe(probe_id, "mta2"),
        attempts=1,
        sending=sending(),
        judgement=Judgement(Outcome.MISSING, "it was accepted, and was not in the mailbox after the deadline"),
        finished=NOW + timedelta(minutes=5),
    )


TOLD = Findings(authentication=(("spf", "pass"), ("dmarc", "fail")))


def sighting(probe_id: str) -> Sighting:
    hops = (
        Hop("mta1.lab.test", "ESMTP", NOW, None),
        Hop("gateway.lab.test", "ESMTP", NOW + timedelta(seconds=40), None, skew=timedelta(seconds=40)),
        Hop("nowhen.lab.test", None, None, None),
        Hop("store.lab.test", "LMTP", NOW + timedelta(seconds=1), timedelta(seconds=1)),
    )
    seen = NOW + timedelta(seconds=1.5)
    return Sighting(probe_id, Place("monitor", Folder.INBOX, 1, "5"), seen, None, 1000, hops, findings=TOLD)


def sending() -> Sending:
    return Sending(
        Ending.ACCEPTED,
        Stage.BODY,
        "250 2.0.0 queued",
        code=250,
        enhanced_code="2.0.0",
        first_byte=NOW,
        accepted=NOW + timedelta(milliseconds=80),
        smtp_time=timedelta(milliseconds=80),
        stages={Stage.CONNECT: timedelta(milliseconds=5), Stage.BODY: timedelta(milliseconds=40)},
    )


def attempt() -> Attempt:
    sent = sending()
    return Attempt(
        sent.ending,
        sent.stage,
        sent.reason,
        NOW,
        first_byte=NOW,
        accepted=sent.accepted,
        smtp_time=sent.smtp_time,
        reply=Reply(250, ("queued",), "2.0.0"),
        stages=sent.stages,
        certificate_expiry=NOW + timedelta(days=30),
    )


def greylisted() -> Setback:
    """What is remembered of a member that put a recipient off twice."""
    recipient = Subject(Kind.RECIPIENT, "probe@lab.test", "monitor@lab.test")
    reason = "rcpt refused: 450 4.2.0 Greylisted <now>"
    return Setback(recipient, reason, since=NOW, failures=2, last=NOW, next_try=NOW + timedelta(minutes=2))
