"""The answers of servers as people read them in a terminal: while they come in, and side by side."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from probe.model.consensus import Answer, Asked, Consensus
from probe.model.outcome import Stage
from probe.model.reply import Attempt
from probe.model.settings import Member
from probe.model.tls_findings import TlsFindings
from probe.net.text import printable

_COLOURS = {
    Answer.ACCEPTED: "green",
    Answer.REFUSED: "red",
    Answer.REFUSED_FOR_NOW: "yellow",
    Answer.NO_ANSWER: "bright_black",
}
_SUMMARY_COLOURS = {
    Consensus.ALL_ACCEPT: "green",
    Consensus.DISAGREE: "bold yellow",
    Consensus.ALL_REFUSE: "red",
    Consensus.UNCERTAIN: "yellow",
}
_HEAD = ("server", "address", "preference", "verdict", "code", "enhanced", "text")
_FINDINGS_HEAD = ("TLS of", "source", "finding", "text")
_VERDICT = _HEAD.index("verdict")
_GAP = "  "


class Progress:
    """Keep a line per server of what became of asking it; rich can draw it."""

    def __init__(self, members: Sequence[Member]) -> None:
        self._lines = {member: Text("waits its turn", style="dim") for member in members}

    def __call__(self, member: Member, attempt: Attempt | None) -> None:
        """Take note of how far a server was asked."""
        asking = Text("is asked", style="dim")
        self._lines[member] = _verdict(Asked(member, attempt).answer) if attempt else asking

    def __rich__(self) -> Table:
        table = Table.grid(padding=(0, 2))
        for member, state in self._lines.items():
            # As Text: the brackets of [fd00::1]:25 would be taken for markup.
            table.add_row(Text(member.name), Text(member.endpoint), state)
        return table


def print_answers(console: Console, asked: Sequence[Asked]) -> None:
    """Print a row per server; a line is as long as its text."""
    rows = [_row(each) for each in asked]
    widths = [max(map(len, column)) for column in zip(_HEAD, *rows, strict=True)]
    console.print(Text(_line(_HEAD, widths), style="bold"), soft_wrap=True)
    for each, row in zip(asked, rows, strict=True):
        line = Text(_line(row, widths))
        verdict = sum(widths[:_VERDICT]) + len(_GAP) * _VERDICT
        line.stylize(_COLOURS[each.answer], verdict, verdict + len(row[_VERDICT]))
        console.print(line, soft_wrap=True)


def print_findings(console: Console, asked: Sequence[Asked], findings: TlsFindings | None) -> None:
    """Print a row per finding on TLS, the domain's own first; nothing where there is none."""
    if findings is None:
        return
    rows = [("domain", finding) for finding in findings.domain]
    rows += [(each.member.name, finding) for each in asked for finding in findings.servers.get(each.member.name, ())]
    if not rows:
        return
    cells = [(name, finding.source.value, finding.word.value, printable(finding.text)) for name, finding in rows]
    widths = [max(map(len, column)) for column in zip(_FINDINGS_HEAD, *cells, strict=True)]
    console.print(Text(_line(_FINDINGS_HEAD, widths), style="bold"), soft_wrap=True)
    for row in cells:
        console.print(Text(_line(row, widths), style="yellow"), soft_wrap=True)


def print_summary(console: Console, summary: str, agreed: Consensus) -> None:
    """Print what it comes to, in one sentence."""
    console.print(Text(summary, style=_SUMMARY_COLOURS[agreed]), soft_wrap=True)


def _row(asked: Asked) -> tuple[str, ...]:
    member, reply = asked.member, asked.attempt.reply
    preference = "-" if member.preference is None else str(member.preference)
    name, verdict = member.name, str(_verdict(asked.answer))
    code, enhanced = (str(reply.code), reply.enhanced_code or "-") if reply else ("-", "-")
    return name, member.endpoint, preference, verdict, code, enhanced, _text(asked.attempt)


def _text(attempt: Attempt) -> str:
    """Return the words of the reply, with the stage where that is not the usual one; or why there are none."""
    if attempt.reply is None:
        return f"{attempt.stage}: {printable(attempt.reason)}"
    text = printable(attempt.reply.text)
    return text if attempt.stage is Stage.RCPT else f"{attempt.stage}: {text}"


def _verdict(answer: Answer) -> Text:
    return Text(answer.value.replace("_", " "), style=_COLOURS[answer])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return _GAP.join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
