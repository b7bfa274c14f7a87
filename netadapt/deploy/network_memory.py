"""What a network holds at once while it runs: its weights, and the most activations alive together.

Counted from the ONNX file in the order that it computes in, so it is the same on every device, and
the least that a runtime needs: scratch space and copies of weights in other layouts come on top.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from netadapt.extras import needed


@dataclass(frozen=True)
class NetworkMemory:
    """Bytes of the weights, and of the most activations that are alive at one time."""

    weights_bytes: int
    activations_bytes: int

    @property
    def peak_bytes(self) -> int:
        """All that is held at once."""
        return self.weights_bytes + self.activations_bytes


def network_memory(content: bytes) -> NetworkMemory | None:
    """The memory of an ONNX model of fixed sizes; None where the size of a tensor isn't known.

    An activation lives from the node that makes it, an input from the start, to the last node that
    reads it, an output to the end.
    """
    onnx = needed("onnx", "onnx")
    model = onnx.shape_inference.infer_shapes(onnx.load_from_string(content))
    graph = model.graph
    weights = {item.name: _bytes_of(onnx, item.data_type, item.dims) for item in graph.initializer}
    sizes = {
        value.name: _value_bytes(onnx, value)
        for value in (*graph.value_info, *graph.input, *graph.output)
        if value.name not in weights
    }
    constants = _constants(onnx, graph)
    held = {name for node in graph.node for name in (*node.input, *node.output) if name}
    activations = held - weights.keys() - constants.keys()
    if any(sizes.get(name) is None for name in activations):
        return None
    alive = _most_alive(graph, {name: sizes[name] or 0 for name in activations})
    return NetworkMemory(sum(weights.values()) + sum(constants.values()), alive)


def _most_alive(graph: Any, sizes: dict[str, int]) -> int:
    """The most bytes of `sizes` that are alive at one node."""
    last = {name: index for index, node in enumerate(graph.node) for name in node.input}
    last |= {value.name: len(graph.node) for value in graph.output}
    alive = {value.name: sizes[value.name] for value in graph.input if value.name in sizes}
    most = sum(alive.values())
    for index, node in enumerate(graph.node):
        alive |= {name: sizes[name] for name in node.output if name in sizes}
        most = max(most, sum(alive.values()))
        alive = {name: size for name, size in alive.items() if last.get(name, -1) > index}
    return most


def _constants(onnx: Any, graph: Any) -> dict[str, int]:
    """Tensors that a node holds and no input makes: the same as weights."""
    found = {}
    for node in graph.node:
        if node.op_type == "Constant":
            tensors = [one.t for one in node.attribute if one.HasField("t")]
            size = sum(_bytes_of(onnx, tensor.data_type, tensor.dims) for tensor in tensors)
            found[node.output[0]] = size
    return found


def _value_bytes(onnx: Any, value: Any) -> int | None:
    tensor = value.type.tensor_type
    sides = [side.dim_value for side in tensor.shape.dim]
    if not tensor.HasField("shape") or not all(sides):
        return None
    return _bytes_of(onnx, tensor.elem_type, sides)


def _bytes_of(onnx: Any, kind: int, sides: Any) -> int:
    itemsize: int = onnx.helper.tensor_dtype_to_np_dtype(kind).itemsize
    return int(math.prod(sides)) * itemsize
