"""The layers of a network as a CSV: a lookup table's key columns, and how often each occurs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from netadapt.errors import TableError
from netadapt.files import write_text
from netadapt.graph.layer_shape import KEY_COLUMNS, LayerShape
from netadapt.journal import csv_line
from netadapt.latency.table.csv_rows import read_rows
from netadapt.latency.table.table_row import whole_number


def read_shapes(path: Path) -> list[tuple[LayerShape, int]]:
    """The layers of a network from a CSV with the key columns and `count`.

    Raises TableError naming the file and the row.
    """
    shapes: list[tuple[LayerShape, int]] = []
    for where, cells in read_rows(path, (*KEY_COLUMNS, "count")):
        try:
            shapes.append((LayerShape.from_row(dict(cells)), whole_number(cells["count"], "count")))
        except ValueError as error:
            raise TableError(f"{path}, {where}: {error}") from error
    return shapes


def write_shapes(path: Path, shapes: Sequence[LayerShape]) -> None:
    """Write the layers of a network as `read_shapes` reads them, equal layers as one row."""
    counts: dict[LayerShape, int] = {}
    for shape in shapes:
        counts[shape] = counts.get(shape, 0) + 1
    text = csv_line((*KEY_COLUMNS, "count"))
    for shape, count in counts.items():
        text += csv_line([*(str(value) for value in shape.to_row().values()), str(count)])
    write_text(path, text)
