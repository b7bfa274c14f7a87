"""Single layers as ONNX models, in the surroundings they have inside a whole network.

A runtime lays out activations as it likes (onnxruntime blocks channels between convolutions), so
a layer alone would be charged for conversions that a network pays once. Here a small pointwise
convolution comes before the layer, and the layer is repeated with weights of its own each time,
other memory being read in between: inputs, weights and the place of the result lie as near or far
as in a network, not all in the nearest cache. For an engine that times whole files alone there is a
second model beside, the surroundings without the layer. How a layer is made of nodes is left to
`kernels`.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from netadapt.graph.layer_shape import LayerShape
from netadapt.latency.runtimes.onnxruntime.kernels import add_layer
from netadapt.latency.runtimes.onnxruntime.onnx_graph import OnnxGraph
from netadapt.latency.runtimes.reference import Array, Reference

FEEDER_CHANNELS = 4
READER_STRIDE = 8
READER_CHANNELS = 16
"""What only keeps a result alive is a convolution of 2×2 of every so many rows and columns: it asks
for the layout that a network's next convolution would, and takes next to nothing."""

OTHER_COLUMNS = 256


def layer_model(shape: LayerShape, values: Reference) -> bytes:
    """`shape` alone, with `values` as weights; inputs x0, x1, …, output y: what it computes."""
    graph = OnnxGraph()
    names = [graph.input(f"x{i}", x.shape) for i, x in enumerate(values.inputs)]
    graph.output(add_layer(graph, shape, names, "y", values), values.output.shape)
    return graph.serialize()


def repeated_model(shape: LayerShape, values: Reference, repeats: int, ring_mb: float) -> bytes:
    """`shape` `repeats` times, each in the surroundings it has in a network.

    The nodes that belong to the layer are called `layer<i>` or `layer<i>.…`. Inputs that are
    images of a network's inside come from a feeder just before, and `ring_mb` megabytes are read
    before that: a network's other layers leave as little of the caches to this one. A second
    reader keeps a feeder from being fused into the layer, and the result is read and forgotten,
    so that its memory is used again.
    """
    graph = OnnxGraph()
    given = []
    for i, x in enumerate(values.inputs):
        given.append(graph.input(f"z{i}", _given_size(x)))
    rows = max(1, int(ring_mb * 1e6 / (4 * FEEDER_CHANNELS * OTHER_COLUMNS)))
    other = graph.input("other", (1, FEEDER_CHANNELS, rows, OTHER_COLUMNS))
    for repeat in range(repeats):
        read = graph.node("GlobalAveragePool", [other], f"other{repeat}")
        sources = []
        for i, (source, x) in enumerate(zip(given, values.inputs, strict=True)):
            if not _is_inner(x):
                sources.append(source)
                continue
            after = graph.node("Add", [source, read], f"after{repeat}.{i}")
            sources.append(_feed(graph, after, x.shape[1], f"feeder{repeat}.{i}"))
            if len(values.inputs) > 1:
                _sink(graph, sources[-1], x.shape, f"reader{repeat}.{i}")
        result = add_layer(graph, shape, sources, f"layer{repeat}", values)
        _sink(graph, result, values.output.shape, f"sink{repeat}")
    return graph.serialize()


def told_apart(shape: LayerShape, values: Reference, repeats: int) -> tuple[bytes, bytes]:
    """`shape` `repeats` times in its surroundings, and the surroundings alone.

    What the one takes longer than the other is `repeats` times the layer. Feeders differ by their
    weights and so do the layers, that no engine computes one of them for all.
    """
    return _chains(shape, values, repeats), _chains(shape, values, repeats, layers=False)


def _chains(shape: LayerShape, values: Reference, repeats: int, *, layers: bool = True) -> bytes:
    graph = OnnxGraph()
    given = []
    for i, x in enumerate(values.inputs):
        given.append(graph.input(f"z{i}", _given_size(x)))
    _thin(graph, given[0], _given_size(values.inputs[0]), "kept")  # a graph must give something
    for repeat in range(repeats):
        sources = []
        for i, (source, x) in enumerate(zip(given, values.inputs, strict=True)):
            if _is_inner(x):
                source = _feed(graph, source, x.shape[1], f"feeder{repeat}.{i}", 0.1 + repeat / 64)
                if len(values.inputs) > 1 or not layers:
                    _thin(graph, source, x.shape, f"reader{repeat}.{i}")
            sources.append(source)
        if layers:
            weight = None if values.weight is None else np.roll(values.weight, repeat)
            own = replace(values, weight=weight)
            result = add_layer(graph, shape, sources, f"layer{repeat}", own)
            _thin(graph, result, values.output.shape, f"sink{repeat}")
    return graph.serialize()


def _thin(graph: OnnxGraph, source: str, size: tuple[int, ...], name: str) -> None:
    """Keep a result alive: give what a few of its pixels come to."""
    if len(size) != 4:
        graph.output(graph.node("Identity", [source], name), size)
        return
    # Not 1×1, whose stride an engine may move up into the layer.
    kernel = tuple(min(2, side) for side in size[2:])
    weight = graph.constant(
        f"{name}.w", np.full((READER_CHANNELS, size[1], *kernel), 0.1, np.float32)
    )
    graph.node(
        "Conv",
        [source, weight],
        name,
        kernel_shape=list(kernel),
        strides=[READER_STRIDE, READER_STRIDE],
    )
    sides = tuple(
        (side - window) // READER_STRIDE + 1 for side, window in zip(size[2:], kernel, strict=True)
    )
    graph.output(name, (1, READER_CHANNELS, *sides))


def _feed(graph: OnnxGraph, source: str, channels: int, name: str, weighing: float = 0.1) -> str:
    weight = np.full((channels, FEEDER_CHANNELS, 1, 1), weighing, np.float32)
    return graph.node("Conv", [source, graph.constant(f"{name}.w", weight)], name)


def _sink(graph: OnnxGraph, source: str, size: tuple[int, ...], name: str) -> None:
    """Read a result and give a mean of it to the outside."""
    if len(size) == 4 and size[2:] != (1, 1):
        source = graph.node("GlobalAveragePool", [source], name)
        size = (*size[:2], 1, 1)
    graph.output(source, size)


def _given_size(x: Array) -> tuple[int, ...]:
    """What is given from outside for an input: itself, or what its feeder reads."""
    return (1, FEEDER_CHANNELS, *x.shape[2:]) if _is_inner(x) else x.shape


def _is_inner(x: Array) -> bool:
    """Whether an input is an image of a network's inside, not the network's own."""
    return x.ndim == 4 and x.shape[1] > FEEDER_CHANNELS
