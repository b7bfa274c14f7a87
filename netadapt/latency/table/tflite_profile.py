"""TFLite's profile of a network: the table of operators that benchmark_model prints.

With --enable_op_profiling=true it prints each operator's type, time and place in the model, and no
sizes: those are read from the .tflite file (`tflite_file`). What a delegate runs as one can't be
told apart, so such a profile is taken with --use_xnnpack=false.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from netadapt.latency.table.engine_profile import (
    EngineProfile,
    LeftOut,
    ProfiledLayer,
    Untold,
)
from netadapt.latency.table.tflite_file import TfliteOperator, read_operators

ENGINE = "TFLite"
_REGULAR = "Operator-wise Profiling Info for Regular Benchmark Runs"
_ORDER = re.compile(r"^=+ Run Order =+$", re.MULTILINE)


@dataclass(frozen=True)
class _Line:
    kind: str
    ms: float
    runs: int
    name: str
    place: int


def is_tflite_profile(text: str) -> bool:
    """Whether a text has benchmark_model's table of operators."""
    return _ORDER.search(text) is not None and "[node type]" in text


def read_tflite_profile(text: str, network: Path | None) -> EngineProfile:
    """The layers of a profile, by the .tflite file `network`, without which none can be told.

    Raises TableError where that file can't be read.
    """
    operators = read_operators(network) if network is not None else None
    layers, left_out = [], []
    for line in _lines(text):
        try:
            shape, precision = _operator_of(line, operators).layer()
            layers.append(ProfiledLayer(line.name, shape, line.ms, line.runs, precision))
        except Untold as reason:
            left_out.append(LeftOut(line.name, line.ms, str(reason)))
    return EngineProfile(ENGINE, tuple(layers), tuple(left_out))


def _operator_of(line: _Line, operators: Sequence[TfliteOperator] | None) -> TfliteOperator:
    if operators is None:
        raise Untold("its sizes don't stand in the profile; give --network FILE.tflite")
    if not math.isfinite(line.ms) or line.ms <= 0:
        raise Untold("it took less than the profile's digits")
    number = line.name.rpartition("]:")[2]  # '[model/conv/Relu]:3'; older ones are in order
    index = int(number) if number.isdecimal() else line.place
    if "delegate" in (line.kind + line.name).lower():
        raise Untold("run by a delegate as one with others; profile with --use_xnnpack=false")
    if index >= len(operators):
        raise Untold(f"it has no place among the file's {len(operators)} operators")
    operator = operators[index]
    if operator.kind != line.kind:
        raise Untold(f"the file has {operator.kind} in its place: is it this network's?")
    return operator


def _lines(text: str) -> list[_Line]:
    """The lines of the first table 'Run Order' of the regular runs."""
    begin = text.find(_REGULAR)
    match = _ORDER.search(text, max(begin, 0))
    assert match is not None
    rows = text[match.end() :].lstrip("\n").splitlines()
    header = _cells(rows[0]) if rows else []
    lines: list[_Line] = []
    for row in rows[1:]:
        cells = _cells(row)
        if len(cells) != len(header):
            break
        named = dict(zip(header, cells, strict=True))
        lines.append(
            _Line(
                named.get("[node type]", ""),
                _number(named.get("[avg ms]", "")),
                max(1, int(_number(named.get("[times called]", "")) or 1)),
                named.get("[Name]", named.get("[name]", "")),
                len(lines),
            )
        )
    return lines


def _cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.split("\t") if cell.strip()]


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return value if math.isfinite(value) else 0.0
