"""Makes a table of engines' own profiles of networks: TensorRT's, onnxruntime's, TFLite's.

Each format has a file that reads it; here is which one a file is in, and what becomes a table.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netadapt.errors import TableError
from netadapt.latency.runtimes.precision import FLOAT32, schedule_in
from netadapt.latency.table.engine_profile import EngineProfile, LeftOut, rows_of
from netadapt.latency.table.onnxruntime_profile import (
    is_onnxruntime_profile,
    read_onnxruntime_profile,
)
from netadapt.latency.table.record_import import require_no_measured_rows
from netadapt.latency.table.speed_bounds import speed_notes
from netadapt.latency.table.table import LookupTable, read_meta
from netadapt.latency.table.table_row import TableRow
from netadapt.latency.table.tflite_profile import is_tflite_profile, read_tflite_profile
from netadapt.latency.table.trtexec_profile import is_trtexec_profile, read_trtexec_profile
from netadapt.outside import outside_text
from netadapt.remarks import remark


@dataclass(frozen=True)
class Beside:
    """Files that say what a profile's layers are: the network's, and trtexec's layer info."""

    network: Path | None = None
    layer_info: Path | None = None


@dataclass(frozen=True)
class _Format:
    """How a format is known, by a file's JSON or text, and read."""

    known: Callable[[Any], bool]
    read: Callable[[Any, Beside], EngineProfile]
    of_json: bool = True


_FORMATS = (
    _Format(
        is_trtexec_profile, lambda given, beside: read_trtexec_profile(given, beside.layer_info)
    ),
    _Format(
        is_onnxruntime_profile,
        lambda given, beside: read_onnxruntime_profile(given, beside.network),
    ),
    _Format(
        is_tflite_profile,
        lambda given, beside: read_tflite_profile(given, beside.network),
        of_json=False,
    ),
)


@dataclass(frozen=True)
class ImportedProfiles:
    """The rows that profiles gave, and what they left out with reasons."""

    rows: tuple[TableRow, ...]
    left_out: tuple[LeftOut, ...]
    files: tuple[str, ...]
    engine: str
    precision: str

    def reasons(self) -> dict[str, int]:
        """How many layers were left out for each reason, most frequent first."""
        return dict(Counter(one.reason for one in self.left_out).most_common())

    def meta(self) -> dict[str, Any]:
        """What the .toml says about the import."""
        return {
            "files": [{"file": file} for file in self.files],
            "left_out": [f"{reason} ({count})" for reason, count in self.reasons().items()],
            "rows": len(self.rows),
            "repeats": "median of the layers of a shape",
        }


def profile_format(path: Path) -> tuple[_Format, Any] | None:
    """The format that a file is in, and its content; None where it is no profile of an engine's.

    Raises TableError where it is no text that can be read.
    """
    text = outside_text(path, TableError)
    try:
        content = json.loads(text)
    except (ValueError, RecursionError, MemoryError):
        content = None
    for format_ in _FORMATS:
        given = content if format_.of_json else text
        if given is not None and format_.known(given):
            return format_, given
    return None


def import_profiles(
    device: str, files: Sequence[Path], target: Path, beside: Beside
) -> ImportedProfiles:
    """Make the table at `target` of profiles that one engine took on one device.

    Raises TableError when a file is none, they are of several engines, no layer can be told, or
    `target` holds measured rows; nothing is written then.
    """
    read: list[EngineProfile] = []
    for path in files:
        found = profile_format(path)
        if found is None:
            raise TableError(
                f"{path} is no profile that is known, while {files[0]} is; expected those of "
                f"trtexec, onnxruntime or benchmark_model"
            )
        format_, content = found
        read.append(format_.read(content, beside))
    engines = sorted({profile.engine for profile in read})
    if len(engines) > 1:
        raise TableError(f"the profiles are of {' and '.join(engines)}; one table holds one engine")
    profile = EngineProfile(
        engines[0],
        tuple(layer for one in read for layer in one.layers),
        tuple(one for each in read for one in each.left_out),
    )
    rows, left_out = rows_of(profile, schedule_in(profile.engine, profile.precision))
    names = tuple(path.name for path in files)
    imported = ImportedProfiles(
        tuple(rows), tuple(left_out), names, profile.engine, profile.precision
    )
    if not rows:
        reasons = "; ".join(f"{why} ({n})" for why, n in list(imported.reasons().items())[:3])
        raise TableError(
            f"{', '.join(map(str, files))}: no layer's shape can be told: "
            f"{reasons or 'the profile is empty'}"
        )
    _write(device, imported, target)
    return imported


def _write(device: str, imported: ImportedProfiles, target: Path) -> None:
    for note in speed_notes(target, imported.rows):
        remark(note)
    require_no_measured_rows(target)
    meta = {**read_meta(target), "device": device, "runtime": imported.engine}
    meta.pop("check", None)
    meta.pop("precision", None)
    if imported.precision != FLOAT32:
        meta["precision"] = imported.precision
    meta["import"] = imported.meta()
    LookupTable(name=device, entries=list(imported.rows), meta=meta).write(target)
