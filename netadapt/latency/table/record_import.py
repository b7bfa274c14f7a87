"""Writes a table made from tuning records, and keeps what a person wrote in its .toml."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from netadapt.errors import TableError
from netadapt.latency.table.record_merging import Merged, merge_files
from netadapt.latency.table.speed_bounds import speed_notes
from netadapt.latency.table.table import LookupTable, read_meta
from netadapt.remarks import remark


def import_table(
    device: str, own: Sequence[Path], others: Sequence[Path], target: Path, board: str = ""
) -> Merged:
    """Merge tuning records into the table at `target`; those of `board` alone, if it is given.

    An existing table of published rows is replaced; of its .toml everything stays but `device`,
    `[import]`, and what a check of the old rows had shown. Raises TableError when `target` holds
    measured rows, or the records give no table.
    """
    merged = merge_files(own, others, board)
    for note in speed_notes(target, merged.rows):
        remark(note)
    require_no_measured_rows(target)
    meta = {**read_meta(target), "device": device, "import": merged.meta()}
    meta.pop("check", None)
    LookupTable(name=device, entries=list(merged.rows), meta=meta).write(target)
    return merged


def require_no_measured_rows(target: Path) -> None:
    """Raise TableError where a table at `target` holds rows that an import mustn't replace."""
    if not target.is_file():
        return
    existing = LookupTable.read(target)
    measured = sum(entry.source == "measured" for entry in existing.entries)
    if measured:
        raise TableError(
            f"{target} holds {measured} measured rows, which an import would replace; "
            f"choose another file with --out"
        )
