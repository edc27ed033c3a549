"""Live output in a terminal: a line for every probe that ends and every verdict that changes."""

from rich.console import Console
from rich.text import Text

from probe.cli.render import outcome_text, reason, seconds, state_text
from probe.engine.happenings import Ended, Happening, Judged, MailboxFailed, SharedFault
from probe.model.probe import Record
from probe.model.verdict import Verdict
from probe.net.text import printable


class LiveOutput:
    """Print what happens as it happens; a Reporter."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __call__(self, happening: Happening) -> None:
        """Print a happening, if a person wants to see it."""
        match happening:
            case Ended(record):
                self._ended(record)
            case Judged(pool, member, verdict, before) if before is None or before.state is not verdict.state:
                self._judged(f"{pool}/{member}", verdict)
            case MailboxFailed(mailbox, trouble):
                self._line(Text(f"mailbox {mailbox}: {printable(trouble)}", style="yellow"))
            case SharedFault(pool, route, True, blame):
                where = f": {printable(blame.text)}" if blame else ""
                self._line(Text(f"{pool}: all members fail on route {route}{where}", style="yellow"))
            case _:
                pass

    def _ended(self, record: Record) -> None:
        path = f"{record.probe.pool}/{record.probe.member}"
        delivery = seconds(record.delivery_time) if record.delivery_time else ""
        outcome = outcome_text(record)
        outcome.pad_right(12 - len(outcome))
        self._line(Text.assemble(f"{path:<18} ", outcome, f"{delivery:>9}  ", reason(record), f"  {record.probe.id}"))

    def _judged(self, member: str, verdict: Verdict) -> None:
        text = Text.assemble((f"{member:<18} is ", "bold"), state_text(verdict.state))
        self._line(text.append(f": {printable(verdict.reason)}"))

    def _line(self, text: Text) -> None:
        self._console.print(text, soft_wrap=True)
