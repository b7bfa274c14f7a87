"""Links of the pages lead to files and headings that there are; nothing is fetched."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from doc_pages import PAGES, ROOT, prose_of

LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+\s+(.*)$")
CODE = re.compile(r"`[^`]*`")
ADDRESS = re.compile(r"https?://[a-zA-Z0-9.-]+\.[a-z]+(:\d+)?(/|$)")


@cache
def anchors_of(page: Path) -> frozenset[str]:
    """The anchors of a page's headings, as GitHub and MkDocs make them."""
    headings = (HEADING.match(line) for _, line in prose_of(page))
    return frozenset(anchor_of(heading[1]) for heading in headings if heading)


def anchor_of(heading: str) -> str:
    kept = re.sub(r"[^\w\s-]", "", heading.lower())
    return re.sub(r"\s", "-", kept.strip())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    wrong = []
    for number, line in prose_of(page):
        for link in LINK.findall(CODE.sub("", line)):
            place, _, anchor = link.partition("#")
            if link.startswith(("http:", "https:")):
                found = ADDRESS.match(link) is not None
            else:
                target = (page.parent / place).resolve() if place else page
                found = target.exists() and target.is_relative_to(ROOT)
                if found and anchor:
                    target = target / "README.md" if target.is_dir() else target
                    found = anchor in anchors_of(target)
            if not found:
                wrong.append(f"{page.relative_to(ROOT)}:{number}: {link}")
    assert not wrong


def test_every_page_is_in_the_sites_contents() -> None:
    contents = (ROOT / "mkdocs.yml").read_text("utf-8")
    pages = [path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")]
    assert not [page for page in pages if f": {page}\n" not in contents]
