"""The part of an experiment's README.md that its summary writes: what is between two marks."""

from __future__ import annotations

from pathlib import Path

from netadapt.files import write_text

END = "<!-- end -->\n"


def begin_of(module: str) -> str:
    """The first mark of the part that `module` writes."""
    return f"<!-- written by {module} -->\n"


def inserted(readme: str, module: str, text: str) -> str:
    """`readme` with `text` between the marks of `module`. Raises ValueError where they lack."""
    before, begin, rest = readme.partition(begin_of(module))
    _, end, after = rest.partition(END)
    if not begin or not end:
        marks = f"{begin_of(module).strip()} and {END.strip()}"
        raise ValueError(f"README.md has lost its marks {marks}")
    return f"{before}{begin}\n{text}\n{END}{after}"


def rewrite(readme: Path, module: str, text: str) -> None:
    """Put `text` between the marks of `module` in the file `readme`."""
    write_text(readme, inserted(readme.read_text(encoding="utf-8"), module, text))
