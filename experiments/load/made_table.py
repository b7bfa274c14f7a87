"""A table of as many rows as one likes, of a device that doesn't exist.

Its times are made by a rule that no estimator here knows: a launch, arithmetic that slows down
where channels tile badly, memory, and noise. So rows can be counted, and what an estimate of an
unseen layer is off by can be told from the rule.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from pathlib import Path

from netadapt.graph.layer_shape import LayerShape
from netadapt.latency.model.features import bytes_read, bytes_written, largest_tile, weight_bytes
from netadapt.latency.table.table import LookupTable
from netadapt.latency.table.table_row import TableRow

NOISE = 0.02
SIZES = (7, 14, 28, 56, 112)


def true_ms(shape: LayerShape) -> float:
    """What a layer takes on the made device."""
    tiling = 1 + 0.5 / math.sqrt(largest_tile(shape.out_channels))
    speed = 9.0 if shape.is_depthwise else 2.5
    arithmetic = shape.macs / 1e8 * speed * tiling * (1 + 16 / shape.in_channels)
    moved = (bytes_read(shape) + bytes_written(shape) + 2 * weight_bytes(shape)) / 1e6
    return 0.02 + math.hypot(arithmetic, 0.08 * moved)


def shapes(chance: random.Random) -> Iterator[LayerShape]:
    """Convolutions and depthwise ones without an end, none twice."""
    seen = set()
    while True:
        size, kernel = chance.choice(SIZES), chance.choice((1, 3, 5))
        inner, outer = chance.randint(8, 1024), chance.randint(8, 1024)
        groups = inner if kernel > 1 and chance.random() < 0.5 else 1
        shape = LayerShape(
            "conv2d",
            in_channels=inner,
            out_channels=inner if groups > 1 else outer,
            in_height=size,
            in_width=size,
            kernel=(kernel, kernel),
            stride=(1, 1),
            padding=(kernel // 2, kernel // 2),
            dilation=(1, 1),
            groups=groups,
            activation="any",
        )
        if shape not in seen:
            seen.add(shape)
            yield shape


def made_table(rows: int, seed: int, path: Path | None = None) -> LookupTable:
    """A table of `rows` rows, written to `path` where one is given."""
    chance = random.Random(seed)
    entries = [
        TableRow(shape, true_ms(shape) * math.exp(chance.gauss(0, NOISE)), source="modelled")
        for _, shape in zip(range(rows), shapes(chance), strict=False)
    ]
    table = LookupTable("made", entries)
    if path is not None:
        table.write(path)
    return table
