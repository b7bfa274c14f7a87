"""The documentation's pages, taken apart: their blocks of code, and the commands that they name."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GUIDES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
"""What users read: all that these say is tried."""

PAGES = [
    *GUIDES,
    ROOT / "SECURITY.md",
    *sorted(
        path
        for room in ("experiments", "lookup_tables", "models")
        for path in (ROOT / room).rglob("*.md")
    ),
]
"""All pages; what the others show is how a result was made."""

FENCE = re.compile(r"^(\s*)```(\w*)\s*$")
MARK = re.compile(r"^\s*<!-- not run: (.+) -->$")
SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
PROGRAMS = ("netadapt", "make", "torchrun", "python", "python3", "pip")
"""What begins a command within a sentence or a table."""


@dataclass(frozen=True)
class Block:
    """A fenced block; `mark` is what a comment in the line before says of why it isn't run."""

    page: Path
    line: int
    language: str
    text: str
    mark: str = ""

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


@dataclass(frozen=True)
class Command:
    """A command as a page has it, without what a comment behind it says."""

    page: Path
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}: {self.text}"

    @property
    def words(self) -> list[str]:
        """As a shell would split it."""
        return shlex.split(self.text, comments=True)


def blocks_of(page: Path) -> Iterator[Block]:
    """The fenced blocks of a page, without the indentation of a list that they stand in."""
    lines = page.read_text(encoding="utf-8").splitlines()
    number = 0
    while number < len(lines):
        opening = FENCE.match(lines[number])
        number += 1
        if opening is None:
            continue
        start, indent = number, len(opening[1])
        while not FENCE.match(lines[number]):
            number += 1
        mark = MARK.match(lines[start - 2]) if start > 1 else None
        text = "".join(line[indent:] + "\n" for line in lines[start:number])
        yield Block(page, start, opening[2], text, mark[1] if mark else "")
        number += 1


def prose_of(page: Path) -> Iterator[tuple[int, str]]:
    """The lines outside of fenced blocks, numbered from 1."""
    inside = False
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        if FENCE.match(line):
            inside = not inside
        elif not inside:
            yield number, line


def commands_of(page: Path) -> Iterator[Command]:
    """What a reader can type: lines of sh blocks, and spans of code that begin with a program."""
    for block in blocks_of(page):
        if block.language in ("sh", "bash", ""):
            text = block.text.replace("\\\n", " " * 2)
            for offset, line in enumerate(text.splitlines()):
                if line.strip() and not line.lstrip().startswith("#"):
                    yield Command(page, block.line + 1 + offset, line.strip())
    for number, line in prose_of(page):
        for span in SPAN.findall(line):
            if span.split()[0] in PROGRAMS and len(span.split()) > 1:
                yield Command(page, number, span)
