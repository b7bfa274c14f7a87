"""Layer shapes and tables that the tests of this room build on."""

from __future__ import annotations

import math
from dataclasses import replace
from random import Random

from netadapt.graph.layer_shape import LayerShape
from netadapt.latency.model.features import traffic_bytes, weight_bytes
from netadapt.latency.table.table import LookupTable
from netadapt.latency.table.table_row import TableRow


def conv(
    in_channels: int,
    out_channels: int,
    size: int,
    *,
    kernel: int = 1,
    stride: int = 1,
    groups: int = 1,
    activation: str = "relu",
) -> LayerShape:
    return LayerShape(
        op="conv2d",
        in_channels=in_channels,
        out_channels=out_channels,
        kernel=(kernel, kernel),
        stride=(stride, stride),
        padding=(kernel // 2, kernel // 2),
        dilation=(1, 1),
        groups=groups,
        in_height=size,
        in_width=size,
        activation=activation,
    )


def depthwise(channels: int, size: int, *, kernel: int = 3, stride: int = 1) -> LayerShape:
    return conv(channels, channels, size, kernel=kernel, stride=stride, groups=channels)


def moving(op: str, channels: int, size: int, activation: str = "none") -> LayerShape:
    scale = 2 if op.startswith("upsample") else 1
    return replace(
        conv(channels, channels, size), op=op, kernel=(scale, scale), activation=activation
    )


def true_ms(shape: LayerShape) -> float:
    """A made-up device: 20 GMAC/s that small outputs don't reach, 8 GB/s, a launch of 5 µs."""
    rate = 20e6 / (1 + 12 / shape.out_channels)
    return 0.005 + shape.macs / rate + (traffic_bytes(shape) + weight_bytes(shape)) / 8e6


def made_up_network(random: Random) -> list[LayerShape]:
    """A small encoder-decoder at random widths, all multiples of 8."""

    def width(most: int) -> int:
        return 8 * random.randint(max(1, most // 32), most // 8)

    layers, channels, size = [conv(3, first := width(32), 224, kernel=3, stride=2)], 0, 112
    channels = first
    for most, stride in ((64, 2), (128, 2), (256, 2), (512, 1)):
        layers.append(depthwise(channels, size, stride=stride))
        size //= stride
        wider = width(most)
        layers.append(conv(channels, wider, size))
        channels = wider
    for most in (256, 128, 64):
        layers.append(depthwise(channels, size, kernel=5))
        narrower = width(most)
        layers.append(conv(channels, narrower, size))
        layers.append(moving("upsample_add", narrower, size, "nearest"))
        channels, size = narrower, 2 * size
    return [*layers, conv(channels, 1, size)]


def made_up_table(networks: int, noise: float = 0.02, seed: int = 0) -> LookupTable:
    """Rows of the layers of random networks, timed on the made-up device."""
    random = Random(seed)
    shapes = dict.fromkeys(s for _ in range(networks) for s in made_up_network(random))
    return LookupTable(
        name="made-up",
        entries=[
            TableRow(
                shape,
                true_ms(shape) * math.exp(random.gauss(0, noise)),
                spread_ms=0.01 * true_ms(shape),
                samples=5,
                schedule="v1",
            )
            for shape in shapes
        ],
    )
