"""A row a network: its fields, and the file they are kept in while the zoo runs and afterwards.

A row says which code made it, so that a run that was stopped goes on, and one with changed code
begins anew.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import importlib.metadata
import io
import platform
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import netadapt
from netadapt.files import write_text
from netadapt.version import __version__

ELSEWHERE = ("children.py", "networks.py", "results.py", "run.py", "summary.py")
"""Files of the zoo that decide no row, or by the network's own definition."""

INSTALLED_AT = re.compile(r"\S*/site-packages/")
"""Where packages lie on the machine that judged: none of a reader's business."""


@dataclass
class Row:
    """What became of one network. Times are processor seconds of one thread."""

    network: str
    family: str
    millions_of_parameters: float | None = None
    verdict: str = ""
    """right, wrong, crash, timeout, refused (netadapt says that it can't), or silent (with random
    weights there is nothing to compare)."""
    message: str = ""
    largest_error: float | None = None
    """Of all cuts, relative to the largest output."""
    cuts: int = 0
    trace_s: float | None = None
    cuttable_percent: float | None = None
    removed_percent: float | None = None
    """Of the parameters, with every group at half its width or near it."""
    macs_ratio: float | None = None
    """netadapt's count over torch's."""
    groups: int | None = None
    free_groups: int | None = None
    frozen: str = ""
    """Why numbers can't be cut, those that hold most first: `12.3 %: reason`."""
    tp_verdict: str = ""
    tp_message: str = ""
    tp_s: float | None = None
    tp_removed_percent: float | None = None
    seed: int = 0
    code: str = ""
    """Of what made the row (`code_of`)."""


def code_of(definition: str) -> str:
    """What decides a row: hashes of netadapt's graph with the judge, and of the network."""
    graph = Path(netadapt.__file__).parent / "graph"
    sources = [*sorted(graph.rglob("*.py")), *sorted(Path(__file__).parent.glob("*.py"))]
    digest = hashlib.sha256()
    for source in sources:
        if source.name not in ELSEWHERE:
            digest.update(source.read_bytes())
    return f"{digest.hexdigest()[:8]}-{hashlib.sha256(definition.encode()).hexdigest()[:6]}"


def versions(distributions: Iterable[str]) -> str:
    """`netadapt 0.1.0, torch 2.13.0, …`, of those that are installed."""
    parts = []
    for name in distributions:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            parts.append(f"{name} {importlib.metadata.version(name)}")
    return ", ".join([f"netadapt {__version__}", *parts, f"Python {platform.python_version()}"])


def read(path: Path) -> dict[str, Row]:
    """The rows of a file, by network; none where there is no file."""
    if not path.exists():
        return {}
    rows = {}
    with path.open(newline="", encoding="utf-8") as file:
        for record in csv.DictReader(file):
            rows[record["network"]] = _row(record)
    return rows


def _row(record: dict[str, str]) -> Row:
    values: dict[str, object] = {}
    for field in fields(Row):
        text = record.get(field.name, "")
        if field.type == "str":
            values[field.name] = text
        elif text:
            values[field.name] = int(text) if str(field.type).startswith("int") else float(text)
    return Row(**values)  # type: ignore[arg-type]


def write(rows: Iterable[Row], path: Path) -> None:
    """Replace the file by these rows, all at once."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(Row)], lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({key: _text(value) for key, value in asdict(row).items()})
    write_text(path, text.getvalue())


def _text(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else INSTALLED_AT.sub("", str(value))
