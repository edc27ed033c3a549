"""Tables in a terminal: columns that stand below each other, a line as long as its text."""

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

_GAP = "  "


def print_rows(console: Console, head: Sequence[str], rows: Sequence[Sequence[Text]]) -> None:
    """Print a row per line below the names of the columns."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    words = [Text(word, style="bold") for word in head]
    for row in (words, *rows):
        cells = [cell.copy() for cell in row]
        for cell, width in zip(cells[:-1], widths, strict=False):
            cell.pad_right(width - len(cell))
        console.print(Text(_GAP).join(cells), soft_wrap=True)
