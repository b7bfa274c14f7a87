"""What decides a layer's time, as numbers: its family, its traffic, how well its channels tile.

Families are modelled apart because their kernels have nothing in common. Inside a family the
features are logarithms, so that a power law is a straight line.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netadapt.errors import TableError
from netadapt.graph.layer_shape import LayerShape
from netadapt.latency.table.table_row import FUSED_ACTIVATIONS, TableRow

FLOAT_BYTES = 4
WIDEST_TILE = 64
LARGEST_TILING_PRIME = 17
NOT_MEMORY_BOUND = ("convolution", "depthwise", "grouped", "conv_transpose2d", "linear")
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
    if shape.op != "conv2d":
        return shape.op
    if shape.groups == 1:
        return "convolution"
    return "depthwise" if shape.is_depthwise else "grouped"


def is_memory_bound(shape: LayerShape) -> bool:
    """Whether the layer only moves data: no weights, hardly any arithmetic."""
    return family(shape) not in NOT_MEMORY_BOUND


def bytes_read(shape: LayerShape) -> int:
    """Bytes of all inputs but the weights; batch 1, float32."""
    inputs = shape.in_channels * shape.in_height * shape.in_width
    if shape.op in ("add", "mul"):
        inputs *= 2
    if shape.op == "upsample_add":
        inputs += shape.out_channels * math.prod(shape.out_size)
    return FLOAT_BYTES * inputs


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
    """The features of `feature_names(family(shape))`."""
    return [FEATURES[name](shape) for name in feature_names(family(shape))]


@cache
def feature_names(name: str) -> tuple[str, ...]:
    """Which features a family has. Order matters only inside one model."""
    if name == "convolution":
        return (
            "pixels",
            "in_channels",
            "out_channels",
            "out_tile",
            "kernel",
            "stride",
            "dilation",
            "activation",
        )
    if name == "depthwise":
        return (
            "pixels",
            "out_channels",
            "kernel",
            "stride",
            "dilation",
            "activation",
        )
    if name in ("grouped", "conv_transpose2d"):
        return (
            "pixels",
            "in_channels",
            "out_channels",
            "groups",
            "kernel",
            "stride",
            "activation",
        )
    if name == "linear":
        return ("pixels", "in_channels", "out_channels", "activation")
    return ("pixels", "out_channels", "kernel", "stride", "mode")


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
