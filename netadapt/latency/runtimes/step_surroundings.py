"""A single layer as steps, in the surroundings that it has inside a network.

For runtimes that run a network's steps themselves; for those that take ONNX,
`onnxruntime.layer_models` has the same. A layer is fed by a small convolution, read by another,
and repeated with weights of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from netadapt.graph.layer_shape import LayerShape
from netadapt.latency.runtimes.network_steps import Network, Step
from netadapt.latency.runtimes.onnxruntime.layer_models import (
    FEEDER_CHANNELS,
    READER_CHANNELS,
    READER_STRIDE,
)
from netadapt.latency.runtimes.reference import Array, Reference


def alone(shape: LayerShape, values: Reference) -> Network:
    """The layer alone: inputs x0, x1, …, output y."""
    names = tuple(f"x{i}" for i in range(len(values.inputs)))
    step = Step(shape, names, "y", values.weight, values.bias)
    inputs = {name: tuple(x.shape) for name, x in zip(names, values.inputs, strict=True)}
    return Network((step,), inputs, {"y": values.output.shape})


def surrounded(
    shape: LayerShape, values: Reference, repeats: int, *, layers: bool = True
) -> Network:
    """The layer `repeats` times in its surroundings; without `layers` these alone."""
    steps: list[Step] = []
    inputs: dict[str, tuple[int, ...]] = {}
    outputs: dict[str, tuple[int, ...]] = {}

    def read(name: str, size: Sequence[int]) -> None:
        """Keep a result alive: a convolution of a few of its pixels, or itself."""
        if len(size) == 4:
            steps.append(_reader(name, size))
            name = steps[-1].result
        outputs[name] = ()

    for i, x in enumerate(values.inputs):
        inputs[f"z{i}"] = (1, FEEDER_CHANNELS, *x.shape[2:]) if x.ndim == 4 else x.shape
    for repeat in range(repeats):
        sources = []
        for i, x in enumerate(values.inputs):
            sources.append(f"z{i}")
            if x.ndim == 4:
                steps.append(_feeder(f"z{i}", x, f"feeder{repeat}.{i}", 0.1 + repeat / 64))
                sources[-1] = steps[-1].result
            if len(values.inputs) > 1 or not layers:
                read(sources[-1], x.shape)
        if layers:
            weight = None if values.weight is None else np.roll(values.weight, repeat)
            steps.append(Step(shape, tuple(sources), f"layer{repeat}", weight, values.bias))
            read(f"layer{repeat}", values.output.shape)
    return Network(tuple(steps), inputs, outputs)


def _feeder(source: str, x: Array, name: str, weighing: float) -> Step:
    """A pointwise convolution that makes an image of the size of `x`."""
    _, channels, height, width = x.shape
    one = (1, 1)
    shape = LayerShape("conv2d", FEEDER_CHANNELS, channels, one, one, (0, 0), one, 1, height, width)
    weight = np.full((channels, FEEDER_CHANNELS, 1, 1), weighing, np.float32)
    return Step(shape, (source,), name, weight, np.zeros(channels, np.float32))


def _reader(source: str, size: Sequence[int]) -> Step:
    """A convolution of 2×2 of every so many rows and columns."""
    _, channels, height, width = size
    kernel = (min(2, height), min(2, width))
    strides, one = (READER_STRIDE, READER_STRIDE), (1, 1)
    shape = LayerShape(
        "conv2d", channels, READER_CHANNELS, kernel, strides, (0, 0), one, 1, height, width
    )
    weight = np.full((READER_CHANNELS, channels, *kernel), 0.1, np.float32)
    bias = np.zeros(READER_CHANNELS, np.float32)
    return Step(shape, (source,), f"{source}.read", weight, bias)
