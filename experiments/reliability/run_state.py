"""What must be the same of two runs that decided the same, whatever happened to one on its way.

Used here for runs that are killed, and by `tests/pruning` for all that mustn't change a run.
"""

from __future__ import annotations

import csv
from pathlib import Path

CSVS = ("trajectory.csv", "candidates.csv", "image_scores.csv")


def rows(file: Path) -> list[dict[str, str]]:
    """Of a run's CSV, as they stand there, without the seconds."""
    with file.open(newline="", encoding="utf-8") as stream:
        return [{**row, "seconds": ""} for row in csv.DictReader(stream)]


def state_of(run: Path) -> dict[str, object]:
    """By file: the rows of its CSVs, the bytes of its networks, and that others are there."""
    found: dict[str, object] = {}
    for file in sorted(run.rglob("*")):
        name = str(file.relative_to(run))
        if name in CSVS:
            found[name] = rows(file)
        elif file.parent != run and file.is_file():
            found[name] = file.read_bytes()
        elif name != ".lock":
            found[name] = None
    return found


def differences(run: dict[str, object], other: dict[str, object]) -> list[str]:
    """The files in which two runs differ, or that one of them lacks."""
    return [name for name in sorted({*run, *other}) if run.get(name, 0) != other.get(name, 0)]
