"""From tuning records to one table: repeats, slow files, and figures taken by others.

Repeats. Every file is one tuning run, and each run ends at the best schedule it happened to find,
so one shape has several times. A deployed network runs the fastest known schedule (TVM's
`apply_history_best` takes the record of least time), so a row carries the least. Its `samples` are
the records, its `spread_ms` their standard deviation.

Slow files. A run whose times on the shapes it shares with the others are 1.5 times theirs or more
was taken in another mode of the board. It can't be rescaled, since memory-bound layers slowed
down less than compute-bound ones, and is left out.

Others' figures. Records of another series (TopHub's, of the same kind of board) stay beside the
table's own, marked in `schedule`, and are never merged with them.
"""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netadapt.errors import TableError
from netadapt.graph.layer_shape import LayerShape
from netadapt.latency.table.table_row import TableRow
from netadapt.latency.table.tuning_records import Skipped, TuningRecord, read_records

SLOW_FILE_RATIO = 1.5
# Fewer shared shapes than this say nothing about the mode a file was taken in.
LEAST_SHARED_SHAPES = 5


@dataclass(frozen=True, slots=True)
class SlowFile:
    """A tuning run left out: `ratio` is its median time over the others' least, same shapes."""

    file: str
    ratio: float
    shared_shapes: int
    records: int


@dataclass(frozen=True, slots=True)
class FileSummary:
    """What one file gave: `used` records went into rows; the rest was skipped."""

    file: str
    records: int
    used: int
    series: str


@dataclass(frozen=True, slots=True)
class Merged:
    """The rows of a table, and everything that was decided on the way to them."""

    rows: tuple[TableRow, ...]
    files: tuple[FileSummary, ...]
    slow_files: tuple[SlowFile, ...]
    skipped: tuple[Skipped, ...]
    repeated_shapes: int

    def skip_reasons(self) -> dict[str, int]:
        """How many lines were skipped for each reason, most frequent first."""
        counts = Counter(f"{skip.file}: {skip.reason}" for skip in self.skipped)
        return dict(counts.most_common())

    def meta(self) -> dict[str, Any]:
        """What the .toml says about the import."""
        return {
            "files": [
                {"file": f.file, "records": f.records, "used": f.used, "series": f.series or "own"}
                for f in self.files
            ],
            "left_out": [
                f"{slow.file}: {slow.ratio:.2f} times slower than the other runs on "
                f"{slow.shared_shapes} shared shapes; {slow.records} records"
                for slow in self.slow_files
            ]
            + [f"{reason} ({count})" for reason, count in self.skip_reasons().items()],
            "rows": len(self.rows),
            "repeats": f"least of the records of a shape ({self.repeated_shapes} shapes repeated)",
        }


def merge_files(own: Sequence[Path], others: Sequence[Path] = (), board: str = "") -> Merged:
    """Read tuning records and merge them into rows, `source` 'published'.

    `own` are tuning runs on the table's board; `others` a second series, each file named after
    its stem. `board` chooses the records of one board, by the model, processor or kind that
    their target names. Raises TableError when the files speak of several, or nothing is left.
    """
    if not own:
        raise TableError("no files of tuning records were given")
    read: dict[Path, list[TuningRecord]] = {}
    skipped: list[Skipped] = []
    for path in (*own, *others):
        read[path], skips = read_records(path)
        skipped += skips
    if board:
        read, others_records = _chosen(read, board)
        skipped += others_records
    _check_one_board(read)
    slow = _slow_files([(path.name, read[path]) for path in own])
    slow_names = {file.file for file in slow}
    kept = [path for path in own if path.name not in slow_names]
    rows, repeated = _merge([record for path in kept for record in read[path]], series="")
    for path in others:
        more, _ = _merge(read[path], series=path.stem)
        rows += more
    if not rows:
        raise TableError(
            f"{', '.join(str(path) for path in own)}: no record can stand in a table: "
            f"{_why_none(skipped, slow)}"
        )
    files = tuple(
        FileSummary(
            file=path.name,
            records=len(read[path]) + sum(skip.file == path.name for skip in skipped),
            used=0 if path.name in slow_names else len(read[path]),
            series="" if path in own else path.stem,
        )
        for path in read
    )
    return Merged(tuple(rows), files, tuple(slow), tuple(skipped), repeated)


def _why_none(skipped: Sequence[Skipped], slow: Sequence[SlowFile]) -> str:
    """Why records were skipped, the commonest reason first, with a place where it stands."""
    if slow:
        return f"{slow[0].file} is {slow[0].ratio:.2f} times slower than the other runs"
    if not skipped:
        return "the file is empty"
    places = {skip.reason: f"{skip.file} line {skip.line}" for skip in reversed(skipped)}
    counts = Counter(skip.reason for skip in skipped).most_common(3)
    return "; ".join(f"{reason} ({count}, {places[reason]})" for reason, count in counts)


def _merge(records: Sequence[TuningRecord], series: str) -> tuple[list[TableRow], int]:
    """One row a shape, and how many shapes had more than one record."""
    by_shape: dict[LayerShape, list[TuningRecord]] = defaultdict(list)
    for record in records:
        by_shape[record.shape].append(record)
    rows = [
        TableRow(
            shape=shape,
            latency_ms=min(record.latency_ms for record in same),
            spread_ms=(
                statistics.stdev(record.latency_ms for record in same) if len(same) > 1 else None
            ),
            samples=len(same),
            source="published",
            schedule=same[0].template + (f"@{series}" if series else ""),
        )
        for shape, same in by_shape.items()
    ]
    return rows, sum(row.samples > 1 for row in rows)


def _slow_files(runs: Sequence[tuple[str, Sequence[TuningRecord]]]) -> list[SlowFile]:
    slow: list[SlowFile] = []
    for name, records in runs:
        ratios = [
            record.latency_ms / min(others)
            for record in records
            if (
                others := [
                    other.latency_ms
                    for other_name, other_records in runs
                    if other_name != name
                    for other in other_records
                    if other.shape == record.shape
                ]
            )
        ]
        if len(ratios) < LEAST_SHARED_SHAPES:
            continue
        ratio = statistics.median(ratios)
        if ratio >= SLOW_FILE_RATIO:
            slow.append(SlowFile(name, ratio, len(ratios), len(records)))
    return slow


Read = dict[Path, list[TuningRecord]]


def _chosen(read: Read, board: str) -> tuple[Read, list[Skipped]]:
    """The records of `board`, and the others, skipped. Raises TableError where it has none."""
    kept: Read = {}
    skipped = []
    for path, records in read.items():
        kept[path] = [record for record in records if _is_of(record, board)]
        skipped += [
            Skipped(record.file, record.line, f"of the board {_board(record)}")
            for record in records
            if record not in kept[path]
        ]
    if not any(kept.values()):
        raise TableError(f"no record is of the board {board}; there are {_boards(read)}")
    return kept, skipped


def _check_one_board(read: Read) -> None:
    """One kind of target, and no two boards or processors named; who names none goes with all."""
    records = [record for path in read for record in read[path]]
    kinds = {record.target for record in records}
    models = {record.model for record in records if record.model}
    processors = {record.processor for record in records if record.processor and not record.model}
    if len(kinds) > 1 or len(models) > 1 or len(processors) > 1:
        raise TableError(
            f"the records are of several boards: {_boards(read)}; one table holds one, choose it "
            f"with --board NAME"
        )


def _board(record: TuningRecord) -> str:
    return record.model or record.processor or record.target


def _is_of(record: TuningRecord, board: str) -> bool:
    names = (record.model, record.processor, record.target)
    return board.lower() in [name.lower() for name in names if name]


def _boards(read: Read) -> str:
    """Every board with its number of records and a place where it stands."""
    found: dict[str, list[TuningRecord]] = defaultdict(list)
    for records in read.values():
        for record in records:
            found[_board(record)].append(record)
    return ", ".join(
        f"{board} ({len(records)}, {records[0].file} line {records[0].line})"
        for board, records in found.items()
    )
