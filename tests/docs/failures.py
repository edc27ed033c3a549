"""Writes docs/failures.md from the table that the program decides by: ``python -m tests.docs.failures``."""

from collections.abc import Iterator

from probe.model.failures import TABLE, Failure
from probe.model.reply import Ending
from tests.docs.pages import DOCS

PAGE = DOCS / "failures.md"

HEAD = """\
# Failures

What becomes of a probe that was not accepted: whether it is *tried again* (`retry` of its route), what it ends as,
and whether that can speak against the member. In each section the first row that fits decides; `*` stands for any, or
for none at all. Codes are patterns: `4.7.*` is any of that subject, `5.7.2?` any from 5.7.20 to 5.7.29.

That a failure *can* speak against its member is not yet that it does. It does so only while other members, at the same
time, fare better: see [verdicts](verdicts.md) and [ADR 5](adr/0005-blame.md). Why some refusals never do:
[ADR 11](adr/0011-failures.md).

This page is written by `make docs` from the table in `probe/model/failures.py`.
"""
TITLES = {
    Ending.REFUSED_FOR_NOW: "Refused for now (4yz)",
    Ending.REFUSED: "Refused for good (5yz)",
    Ending.UNREACHABLE: "No answer, or none that counts, before the final dot",
    Ending.NAMELESS: "Nobody behind a VIP gave a name",
    Ending.IN_DOUBT: "No answer to the final dot",
    Ending.NOT_TRIED: "The probe itself failed",
}


def page() -> str:
    """Return the page."""
    return "\n".join([HEAD, *(line for ending in TITLES for line in _section(ending))]) + "\n"


def _section(ending: Ending) -> Iterator[str]:
    rows = [row for row in TABLE if row.ending is ending]
    yield from (f"## {TITLES[ending]}", "", _nature(rows[0]), "")
    yield from ("| stage | code | enhanced code | can speak against the member | why |", "|---|---|---|---|---|")
    yield from (_line(row) for row in rows)
    if ending is not list(TITLES)[-1]:
        yield ""


def _nature(row: Failure) -> str:
    kind = f"{row.kind}: " if row.kind else ""
    tried = "it is tried again" if row.may_be_retried else "it is not tried again"
    ends = f"the probe ends as `{row.outcome}`" if row.outcome else "the mailbox decides, `delivered` or `unknown`"
    sentence = f"{kind}{tried}, and {ends}."
    return sentence[0].upper() + sentence[1:]


def _line(row: Failure) -> str:
    patterns = (f"`{cell}`" for cell in (row.stages, row.codes, row.enhanced_codes))
    return f"| {' | '.join([*patterns, 'yes' if row.can_speak else 'no', row.why])} |"


if __name__ == "__main__":
    PAGE.write_text(page())
