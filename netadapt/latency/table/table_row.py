"""A row of a lookup table: what one layer shape costs, and how it stands in the CSV.

Which rows a device has is left to `table`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from netadapt.graph.layer_shape import KEY_COLUMNS, LayerShape
from netadapt.journal import csv_line

FIGURE_COLUMNS = ("latency_ms", "spread_ms", "samples", "source", "schedule")
COLUMNS = (*KEY_COLUMNS, *FIGURE_COLUMNS)
SOURCES = ("measured", "published", "modelled")
ANY_ACTIVATION = "any"
"""In the activation column: timed bare, and stands for the kernel with any activation fused."""

FUSED_ACTIVATIONS = frozenset(
    (ANY_ACTIVATION, "none", "relu", "relu6", "leaky_relu", "hardtanh", "clamp")
)
"""A compare or two on a register that is written anyway: between these a kernel's time is equal."""

FUSING_OPS = frozenset(("conv2d", "conv_transpose2d", "linear"))


@dataclass(frozen=True, slots=True)
class TableRow:
    """One latency of one layer shape, batch 1, in the table's precision.

    `spread_ms` is the standard deviation of the samples, None where there is only one. `source` is
    'measured', 'published' or 'modelled'. `schedule` names how the kernel was made; what follows an
    '@' names a second series of figures, taken under other conditions than the table's own
    ('direct@tophub-cuda-tx2').
    """

    shape: LayerShape
    latency_ms: float
    spread_ms: float | None = None
    samples: int = 1
    source: str = "measured"
    schedule: str = ""

    @property
    def series(self) -> str:
        """'' for the table's own figures, else the name of the second series."""
        return self.schedule.partition("@")[2]

    def to_row(self) -> dict[str, str]:
        """The row as the cells of the CSV."""
        cells = {name: str(value) for name, value in self.shape.to_row().items()}
        cells["latency_ms"] = _decimal(self.latency_ms)
        cells["spread_ms"] = "" if self.spread_ms is None else _decimal(self.spread_ms)
        cells["samples"] = str(self.samples)
        cells["source"] = self.source
        cells["schedule"] = self.schedule
        return cells

    @classmethod
    def from_row(cls, cells: dict[str, str]) -> TableRow:
        """Read the cells of a CSV row. Raises ValueError naming the column that is wrong."""
        if cells["source"] not in SOURCES:
            raise ValueError(f"source is '{cells['source']}', expected {', '.join(SOURCES)}")
        spread = cells["spread_ms"].strip()
        return cls(
            shape=LayerShape.from_row(dict(cells)),
            latency_ms=_positive(cells["latency_ms"], "latency_ms"),
            spread_ms=_not_negative(spread, "spread_ms") if spread else None,
            samples=whole_number(cells["samples"], "samples"),
            source=cells["source"],
            schedule=cells["schedule"],
        )

    def to_line(self) -> str:
        """The row as a line of the CSV."""
        cells = self.to_row()
        return csv_line(cells[name] for name in COLUMNS)


def kernel_of(shape: LayerShape) -> LayerShape:
    """The shape without what costs nothing: a weighted layer's activation, where it is cheap."""
    if shape.activation == ANY_ACTIVATION:
        return shape
    if shape.op in FUSING_OPS and shape.activation in FUSED_ACTIVATIONS:
        return replace(shape, activation=ANY_ACTIVATION)
    return shape


def fastest_rows(rows: Iterable[TableRow]) -> dict[LayerShape, TableRow]:
    """By kernel, in the order of `rows`, its fastest row; a second series is left out."""
    fastest: dict[LayerShape, TableRow] = {}
    for row in rows:
        kernel = kernel_of(row.shape)
        if row.series:
            continue
        if kernel not in fastest or row.latency_ms < fastest[kernel].latency_ms:
            fastest[kernel] = row
    return fastest


def whole_number(text: str, column: str) -> int:
    """A cell that counts something. Raises ValueError naming the column."""
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise ValueError(f"{column} is '{text}', expected a whole number ≥ 1")
    return value


def _decimal(value: float) -> str:
    """Shortest text of seven significant digits: finer than any clock that measured it."""
    return f"{value:.7g}"


def _positive(text: str, column: str) -> float:
    value = _number(text, column)
    if value <= 0:
        raise ValueError(f"{column} is '{text}', expected more than 0 milliseconds")
    return value


def _not_negative(text: str, column: str) -> float:
    value = _number(text, column)
    if value < 0:
        raise ValueError(f"{column} is '{text}', expected 0 or more milliseconds")
    return value


def _number(text: str, column: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        point = " with a point, not a comma" if "," in text else ""
        raise ValueError(f"{column} is '{text}', expected a number of milliseconds{point}")
    return value
