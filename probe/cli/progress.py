"""Live progress of a round: who is being dialled, what has been accepted, what has been seen."""

from rich.table import Table
from rich.text import Text

from probe.cli.render import outcome_text
from probe.engine.happenings import Attempted, DiscoveryFailed, Ended, Happening, MailboxFailed, Started
from probe.model.reply import Ending
from probe.net.text import printable


class Progress:
    """Keep a line per probe of how far it came; a Reporter that rich can draw."""

    def __init__(self) -> None:
        self._lines: dict[str, tuple[str, Text]] = {}
        self._troubles: dict[str, str] = {}

    def __call__(self, happening: Happening) -> None:
        """Take note of how far a probe came."""
        match happening:
            case Started(probe):
                self._lines[probe.id] = (f"{probe.pool}/{probe.member} {probe.route}", Text("sending", style="dim"))
            case Attempted(probe, attempt):
                told = (
                    "accepted, waiting for it" if attempt.ending is Ending.ACCEPTED else printable(attempt.reason, 80)
                )
                self._lines[probe.id] = (f"{probe.pool}/{probe.member} {probe.route}", Text(told, style="dim"))
            case Ended(record) if record.probe.id in self._lines:
                self._lines[record.probe.id] = (self._lines[record.probe.id][0], outcome_text(record))
            case MailboxFailed(mailbox, reason):
                self._troubles[f"mailbox {mailbox}"] = reason
            case DiscoveryFailed(pool, reason):
                self._troubles[f"pool {pool}"] = reason
            case _:
                pass

    def __rich__(self) -> Table:
        table = Table.grid(padding=(0, 2))
        for name, state in self._lines.values():
            table.add_row(name, state)
        for what, reason in self._troubles.items():
            table.add_row(what, Text(printable(reason, 120), style="yellow"))
        return table
