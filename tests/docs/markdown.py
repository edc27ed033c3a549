"""Reading Markdown: its sections, tables, code blocks and links."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table, its cells without blanks around."""

    cells: tuple[str, ...]

    @property
    def words(self) -> list[str]:
        """What stands in backquotes in the first cell."""
        return in_backquotes(self.cells[0])


def in_backquotes(text: str) -> list[str]:
    """Return what stands in backquotes."""
    return re.findall(r"`([^`]+)`", text)


def section(title: str, page: Path) -> str:
    """Return a section, with all below it; all of the page where that is its title."""
    text = page.read_text()
    found = re.search(rf"^(#+) {re.escape(title)}\n", text, re.MULTILINE)
    assert found, f"{page.name} has no section {title}"
    rest = text[found.end() :]
    # A page has one title; any other "# " is a comment in a block of code.
    end = re.search(rf"^##{{1,{len(found[1]) - 1}}} ", rest, re.MULTILINE) if found[1] != "#" else None
    return rest[: end.start()] if end else rest


def tables(text: str) -> list[list[Row]]:
    """Return the tables of a text, without their heads."""
    found: list[list[Row]] = []
    for block in re.findall(r"(?:^\|.*\|\n)+", text, re.MULTILINE):
        _, _, *lines = block.splitlines()
        found.append([Row(tuple(cell.strip() for cell in line.strip("|").split("|"))) for line in lines])
    return found


def blocks(text: str, language: str) -> list[str]:
    """Return the code blocks in a language."""
    return [body for written_in, body in _BLOCK.findall(text) if written_in == language]


def links(text: str) -> list[str]:
    """Return where the links of a text lead, those in code left out."""
    return _LINK.findall(_BLOCK.sub("", text))


def anchors(text: str) -> set[str]:
    """Return the anchors that GitHub gives to the headings of a text."""
    headings = re.findall(r"^#+ (.*)$", _BLOCK.sub("", text), re.MULTILINE)
    slugs = [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]
    before = [slugs[:number].count(slug) for number, slug in enumerate(slugs)]
    return {f"{slug}-{times}" if times else slug for slug, times in zip(slugs, before, strict=True)}
