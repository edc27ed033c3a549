"""Probes as people read them in a terminal: rows, colours, and the story of one of them."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from rich.console import Console
from rich.text import Text

from probe.model.abridging import FIRST_ATTEMPTS, LAST_ATTEMPTS, is_kept
from probe.model.outcome import Outcome, Stage, State
from probe.model.probe import Probe, Record
from probe.model.reply import Exchange
from probe.model.stamp import stamp_of
from probe.net.text import printable
from probe.ports import Life

_COLOURS = {Outcome.DELIVERED: "green", Outcome.JUNKED: "yellow", Outcome.UNKNOWN: "bright_black"}
_STATES = {State.UP: "green", State.DOWN: "red", State.UNKNOWN: "bright_black"}


def outcome_text(record: Record) -> Text:
    """Return the outcome of a probe, coloured by whether it is as expected."""
    if record.judgement is None:
        return Text("in flight", style="bright_black")
    outcome = record.judgement.outcome
    return Text(outcome.value, style="green" if record.succeeded else _COLOURS.get(outcome, "red"))


def state_text(state: State) -> Text:
    """Return a verdict, coloured."""
    return Text(state.value, style=_STATES[state])


def print_probes(console: Console, records: Iterable[Record]) -> None:
    """Print a row per probe, and below it why it ended so and how long each stage took."""
    rows = list(records)
    names = [(record.probe.pool, record.probe.member, record.probe.route) for record in rows]
    widths = [max(map(len, column)) for column in zip(("pool", "member", "route"), *names, strict=True)]
    head = "  ".join(word.ljust(width) for word, width in zip(("pool", "member", "route"), widths, strict=True))
    console.print(Text(f"{head}  {'outcome':<11}  {'delivery':>10}  id", style="bold"), soft_wrap=True)
    for record, name in zip(rows, names, strict=True):
        path = "  ".join(word.ljust(width) for word, width in zip(name, widths, strict=True))
        outcome = outcome_text(record)
        outcome.pad_right(11 - len(outcome))
        row = Text.assemble(f"{path}  ", outcome, f"  {seconds(record.delivery_time):>10}  {record.probe.id}")
        console.print(row, soft_wrap=True)
        console.print(Text.assemble("    ", reason(record)), soft_wrap=True)
        if stages := _stages(record):
            console.print(Text(f"    {stages}", style="dim"), soft_wrap=True)


def seconds(duration: timedelta | None) -> str:
    """Write a duration in seconds, or a dash where there is none."""
    return "-" if duration is None else f"{duration.total_seconds():.3f} s"


def reason(record: Record) -> Text:
    """Return why a probe ended as it did, or how far it came."""
    if record.judgement:
        return Text(printable(record.judgement.reason))
    return Text(printable(record.sending.reason) if record.sending else "no attempt to send it has ended yet")


def print_life(console: Console, life: Life, why: str) -> None:
    """Print the life of one probe: what it was, when what happened, every command and reply, and why it ended so."""
    probe = life.record.probe
    head = Text.assemble((probe.id, "bold"), "  ", outcome_text(life.record), f"  {printable(why, 400)}")
    console.print(head, soft_wrap=True)
    console.print(
        f"{probe.pool}/{probe.member} ({probe.endpoint}), route {probe.route}, {_where(probe)}, "
        f"expected {probe.expected}, deadline {_moment(probe.deadline)}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    _print_events(console, life)
    for number, transcript in enumerate(life.transcripts, start=1):
        kept = is_kept(number, attempts=len(life.transcripts))
        _print_transcript(console, number, transcript if kept else None)
    _print_path(console, life)


def _where(probe: Probe) -> str:
    return "asked by MAIL and RCPT only" if probe.only_asks else f"mailbox {probe.mailbox}"


def _print_events(console: Console, life: Life) -> None:
    console.print(Text("\nevents", style="bold"))
    for event in life.events:
        offset = (event.at - life.record.probe.started).total_seconds()
        line = f"  {_moment(event.at)}  {offset:+9.3f} s  {event.kind:<10} {printable(event.text, 400)}"
        console.print(Text(line), soft_wrap=True)


def _print_transcript(console: Console, number: int, transcript: Iterable[Exchange] | None) -> None:
    console.print(Text(f"\nSMTP, attempt {number}", style="bold"))
    if transcript is None:
        console.print(
            f"  Kept are the transcripts of the first {FIRST_ATTEMPTS} and the last {LAST_ATTEMPTS}.", highlight=False
        )
        return
    for exchange in transcript:
        at, took = exchange.at.total_seconds(), exchange.took.total_seconds() * 1000
        sent = f"C: {printable(exchange.sent)}{_manner(exchange)}" if exchange.sent else ""
        console.print(Text(f"  {at:8.3f} s  {exchange.stage:<8} {took:8.1f} ms  {sent}"), soft_wrap=True)
        for line in _reply_lines(exchange):
            console.print(Text(f"{'':35}S: {printable(line)}"), soft_wrap=True)


def _manner(exchange: Exchange) -> str:
    known = {"kept connection": exchange.reused, "pipelined": exchange.pipelined}
    manner = ", ".join(words for words, true in known.items() if true)
    return f" ({manner})" if manner else ""


def _reply_lines(exchange: Exchange) -> Iterable[str]:
    if exchange.reply is None:
        return
    *more, last = exchange.reply.lines or ("",)
    enhanced = f"{exchange.reply.enhanced_code} " if exchange.reply.enhanced_code else ""
    yield from (f"{exchange.reply.code}-{enhanced}{line}" for line in more)
    yield f"{exchange.reply.code} {enhanced}{last}".rstrip()


def _print_path(console: Console, life: Life) -> None:
    arrival = life.record.arrival
    if arrival is None:
        return
    console.print(Text("\npath", style="bold"))
    stamped = stamp_of(arrival.hops, life.transcripts)
    for number, hop in enumerate(arrival.hops):
        delay = "" if hop.delay is None else f"+{hop.delay.total_seconds():.0f} s"
        came = f" from {printable(hop.sender)}" if hop.sender else ""
        known = " (the member)" if number == stamped else ""
        where = f"{hop.protocol or '-':<8} {_TLS[hop.tls]:<6} {printable(hop.by or '-')}{known}{came}"
        console.print(Text(f"  {_moment(hop.at) if hop.at else '-':<28} {delay:>7}  {where}"), soft_wrap=True)
    console.print(
        Text(f"  {_moment(arrival.seen):<28} {'':>7}  seen in the {arrival.place.folder} folder"), soft_wrap=True
    )
    if stamped is None and arrival.hops and life.transcripts:
        console.print(Text("  The member that was dialled did not stamp the message."), soft_wrap=True)


_TLS = {True: "TLS", False: "no TLS", None: ""}


def _stages(record: Record) -> str:
    stages = record.sending.stages if record.sending else {}
    times = (f"{stage} {stages[stage].total_seconds() * 1000:.1f}" for stage in Stage if stage in stages)
    return ", ".join(times) + " ms" if stages else ""


def _moment(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
