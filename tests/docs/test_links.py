"""Links lead somewhere, alerts have their pages, and the changelog knows the version."""

import re
from pathlib import Path

import pytest
import yaml

from probe import __version__
from tests.docs.markdown import ROOT, anchors, links
from tests.docs.pages import PAGES, README

NAMES = [str(page.relative_to(ROOT)) for page in PAGES]


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_a_link_leads_to_something_that_exists(page: Path) -> None:
    for link in links(page.read_text()):
        if re.match(r"https?:", link):
            continue
        target, anchor = leads_to(link, page)
        assert target.exists(), link
        assert target.is_relative_to(ROOT), link
        assert not anchor or anchor in anchors(target.read_text()), link


def leads_to(link: str, page: Path) -> tuple[Path, str]:
    """Return to which file, and to which anchor in it, a relative link of a page leads."""
    path, _, anchor = link.partition("#")
    return (page.parent / path).resolve() if path else page, anchor


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_a_file_that_is_named_exists(page: Path) -> None:
    for path in re.findall(r"`((?:probe|tests|docs|dashboards|bench)/[\w./-]+\.\w+)`", page.read_text()):
        assert (ROOT / path).is_file(), path


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached: set[Path] = set()
    ahead = [README]
    while ahead:
        page = ahead.pop()
        if page not in reached:
            reached.add(page)
            targets = [leads_to(link, page)[0] for link in links(page.read_text())]
            ahead += [each for target in targets for each in (target, *target.glob("*.md")) if each in PAGES]
    assert set(PAGES) - reached == set()


def test_a_page_that_is_named_outside_the_pages_exists() -> None:
    files = [ROOT / "Makefile", ROOT / "config.yaml"]
    files += [path for folder in ("probe", "bench", "dashboards") for path in (ROOT / folder).rglob("*.*")]
    text = "".join(path.read_text() for path in files if path.suffix in ("", ".py", ".yaml", ".json"))
    named = set(re.findall(r"\b(?:docs/[\w./-]+|README|CHANGELOG)\.md\b", text))
    assert named
    assert [page for page in sorted(named) if not (ROOT / page).is_file()] == []


def test_a_link_to_nowhere_would_be_noticed() -> None:
    assert links("see [this](docs/none.md), and `[not](this)`\n```text\n[nor](that)\n```\n")[0] == "docs/none.md"
    assert anchors("## Not there yet\n") == {"not-there-yet"}
    assert anchors("## Twice, `here`\n## Twice here\n") == {"twice-here", "twice-here-1"}


def test_every_alert_has_a_runbook_that_exists() -> None:
    groups = yaml.safe_load((ROOT / "dashboards" / "alerts.yaml").read_text())["groups"]
    runbooks = [rule["annotations"]["runbook_url"] for group in groups for rule in group["rules"]]
    assert runbooks
    assert [runbook for runbook in runbooks if not (ROOT / runbook).is_file()] == []


def test_every_decision_has_a_number_of_its_own() -> None:
    pages = sorted((ROOT / "docs" / "adr").glob("*.md"))
    numbers = [int(page.name[:4]) for page in pages]
    assert numbers
    assert len(set(numbers)) == len(numbers)
    # Numbers are given out before the pages are written, so that one may be missing for a while.
    for number, page in zip(numbers, pages, strict=True):
        assert page.read_text().startswith(f"# {number}. ")


def test_the_changelog_has_the_version_of_the_package() -> None:
    changes = (ROOT / "CHANGELOG.md").read_text()
    assert re.search(rf"^## {re.escape(__version__)} / (?:unreleased|\d{{4}}-\d\d-\d\d)$", changes, re.MULTILINE)


def test_a_change_says_of_which_kind_it_is() -> None:
    changes = re.findall(r"^- (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert changes
    assert [line for line in changes if not re.match(r"\[(CHANGE|FEATURE|ENHANCEMENT|BUGFIX)\] ", line)] == []
