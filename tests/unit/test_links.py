"""Every link of the documentation leads somewhere."""

import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
FOLDERS = ("docs", "deploy", "fixtures", "use_cases")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
NO_ANCHOR = re.compile(r"[^\w\- ]")


def pages() -> list[Path]:
    parts = (PROJECT.glob("*.md"), *((PROJECT / part).rglob("*.md") for part in FOLDERS))
    return sorted(page for part in parts for page in part)


def anchors(page: Path) -> set[str]:
    """List the anchors of a page's headings, as they are made on GitHub and by mkdocs."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {NO_ANCHOR.sub("", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(PROJECT)))
def test_a_link_leads_somewhere(page: Path) -> None:
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        path, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", path):
            continue
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{link} leads nowhere"
        assert not anchor or anchor in anchors(target), f"{link} has no such heading"


def test_pages_are_looked_at() -> None:
    assert len(pages()) > 30
