"""Where what the repository ships lies: lookup tables and models, data beside the code.

What is in these folders is read by the rooms that they belong to.
"""

from __future__ import annotations

from pathlib import Path

PACKAGE_DIR = Path(__file__).resolve().parent


def find_shipped(kind: str) -> list[Path]:
    """The folders that hold `kind` ('lookup_tables', 'models'), nearest first.

    In order: ./KIND where the command is run, KIND at the root of the repository that this
    package was imported from, and the copy inside an installed wheel. Only existing folders are
    returned.
    """
    candidates = [
        Path.cwd() / kind,
        PACKAGE_DIR.parent / kind,
        PACKAGE_DIR / "_shipped" / kind,
    ]
    found: list[Path] = []
    for folder in candidates:
        if folder.is_dir() and folder not in found:
            found.append(folder)
    return found
