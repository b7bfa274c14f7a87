"""What decides a layer's time, as numbers: its family, its traffic, how well its channels tile.

Families are modelled apart because their kernels have nothing in common. Inside a family the
features are logarithms, so that a power law is a straight line. Which families and features a
kind of layer has stands in its record (`netadapt.graph.ops`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netadapt.errors import ModelError, TableError
from netadapt.graph.layer_shape import LayerShape
from netadapt.graph.ops.op_registry import OPS
from netadapt.latency.table.table_row import FUSED_ACTIVATIONS, TableRow

FLOAT_BYTES = 4
WIDEST_TILE = 64
LARGEST_TILING_PRIME = 17
Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Workers:
    """How a device deals the channels of a layer out to its cores.

    A kernel is cut into chunks of `tile` output channels (`depthwise_tile` for depthwise ones) and
    the chunks are dealt to `count` workers, so that 7 chunks on 6 workers take as long as 12.
    A count of 1 means that nothing of this is known.
    """

    count: int = 1
    tile: int = 8
    depthwise_tile: int = 4

    @classmethod
    def from_meta(cls, meta: dict[str, Any]) -> Workers:
        """Read `[workers]` of a table's .toml. Raises TableError when it isn't whole numbers."""
        given = meta.get("workers", {})
        try:
            workers = cls(**given)
        except TypeError as error:
            raise TableError(
                f"[workers] of the table's .toml is {given!r}; expected count, tile and "
                f"depthwise_tile"
            ) from error
        if not all(
            isinstance(n, int) and n >= 1
            for n in (workers.count, workers.tile, workers.depthwise_tile)
        ):
            raise TableError(f"[workers] of the table's .toml is {given!r}; expected numbers ≥ 1")
        return workers

    def imbalance(self, shape: LayerShape) -> float:
        """Time of the busiest worker over the time if all were equally busy, ≥ 1."""
        if self.count == 1:
            return 1.0
        tile = self.depthwise_tile if shape.is_depthwise else self.tile
        chunks = shape.out_channels / tile
        return math.ceil(math.ceil(chunks) / self.count) * self.count / chunks


def family(shape: LayerShape) -> str:
    """The name of the family: 'convolution', 'depthwise', 'grouped', or the op itself."""
    return OPS[shape.op].family_of(shape)


def is_memory_bound(shape: LayerShape) -> bool:
    """Whether the layer only moves data: no weights, hardly any arithmetic."""
    return not OPS[shape.op].weighted


def bytes_read(shape: LayerShape) -> int:
    """Bytes of all inputs but the weights; batch 1, float32."""
    return FLOAT_BYTES * OPS[shape.op].values_read(shape)


def bytes_written(shape: LayerShape) -> int:
    """Bytes of the output; batch 1, float32."""
    return FLOAT_BYTES * shape.out_channels * math.prod(shape.out_size)


def traffic_bytes(shape: LayerShape) -> int:
    """Bytes read and written, without weights."""
    return bytes_read(shape) + bytes_written(shape)


def weight_bytes(shape: LayerShape) -> int:
    """Bytes of the weights."""
    return FLOAT_BYTES * shape.weights


def roofline_terms(shape: LayerShape, workers: Workers) -> list[float]:
    """What a layer's time is a sum of: a launch, 10⁸ MACs, MB read, MB written, MB of weights.

    Work that is dealt out by output channel counts as much as the busiest worker has of it.
    """
    imbalance = workers.imbalance(shape)
    return [
        1.0,
        shape.macs / 1e8 * imbalance,
        bytes_read(shape) / 1e6,
        bytes_written(shape) / 1e6 * imbalance,
        weight_bytes(shape) / 1e6,
    ]


def features(shape: LayerShape) -> list[float]:
    """The features of `feature_names(family(shape))`.

    Raises ModelError where the layer's record names one that isn't known here.
    """
    spec = OPS[shape.op]
    try:
        return [FEATURES[name](shape) for name in spec.features[spec.family_of(shape)]]
    except KeyError as error:
        raise ModelError(
            f"the OpSpec '{spec.name}' has the family or feature {error}, which isn't known; the "
            f"features are {', '.join(FEATURES)}"
        ) from None


def feature_names(name: str) -> tuple[str, ...]:
    """Which features the family `name` has. Order matters only inside one model.

    Raises ModelError where no operator has such a family.
    """
    for op in OPS.names():
        if name in OPS[op].features:
            return OPS[op].features[name]
    raise ModelError(f"no operator has a family called '{name}'")


@cache
def largest_tile(channels: int) -> int:
    """The widest block of channels a kernel can keep in registers and that divides `channels`.

    At most 64, without a prime above 17: 408 = 8·3·17 tiles by 51, 376 = 8·47 only by 8, and on a
    TX2's GPU runs at half the speed.
    """
    return max(
        tile
        for tile in range(1, min(channels, WIDEST_TILE) + 1)
        if channels % tile == 0 and _largest_prime_factor(tile) <= LARGEST_TILING_PRIME
    )


def _largest_prime_factor(number: int) -> int:
    largest, factor = 1, 2
    while factor * factor <= number:
        while number % factor == 0:
            largest, number = factor, number // factor
        factor += 1
    return max(largest, number)


FEATURES: dict[str, Callable[[LayerShape], float]] = {
    "pixels": lambda shape: math.log(math.prod(shape.out_size)),
    "in_channels": lambda shape: math.log(shape.in_channels),
    "out_channels": lambda shape: math.log(shape.out_channels),
    "out_tile": lambda shape: math.log(largest_tile(shape.out_channels)),
    "groups": lambda shape: math.log(shape.groups),
    "kernel": lambda shape: math.log(math.prod(shape.kernel)) / 2,
    "stride": lambda shape: math.log(math.prod(shape.stride)) / 2,
    "dilation": lambda shape: math.log(math.prod(shape.dilation)) / 2,
    "activation": lambda shape: float(shape.activation not in FUSED_ACTIVATIONS),
    "mode": lambda shape: float(shape.activation not in ("none", "nearest", "max")),
}


def series_of(rows: list[TableRow]) -> list[str]:
    """The series that occur, the table's own ('') first where it does."""
    return sorted({row.series for row in rows})
