"""Which nodes of an ONNX model are a layer of the network, by the layer's name."""

from __future__ import annotations

from typing import Any

from netadapt.extras import needed

WEIGHTED = ("Conv", "ConvTranspose", "Gemm", "MatMul")
FOLLOWING = ("Relu", "Clip", "HardSwish", "HardSigmoid", "LeakyRelu", "Sigmoid")
"""Activations that belong to the layer before them."""


def layer_nodes(model: bytes) -> dict[str, tuple[str, ...]]:
    """{layer: names of its nodes} of every layer that has weights, in the order they run.

    A layer is called as in the network, `decode_conv1.0.0`, where its weight still has that name;
    otherwise as its node. One that is called several times has all its nodes.
    """
    onnx = needed("onnx", "onnx")
    graph = onnx.load_from_string(model).graph
    constants = {item.name for item in graph.initializer}
    readers: dict[str, list[Any]] = {}
    for node in graph.node:
        for source in node.input:
            readers.setdefault(source, []).append(node)
    layers: dict[str, list[str]] = {}
    for node in graph.node:
        weights = [source for source in node.input[1:2] if source in constants]
        if node.op_type not in WEIGHTED or not weights:
            continue
        name, _, last = weights[0].rpartition(".")
        layer = layers.setdefault(name if last == "weight" else node.name, [])
        layer += [node.name, *_activations(node, readers)]
    return {layer: tuple(nodes) for layer, nodes in layers.items()}


def node_names(model: bytes) -> list[str]:
    """The names of all nodes of an ONNX model."""
    onnx = needed("onnx", "onnx")
    return [node.name for node in onnx.load_from_string(model).graph.node]


def _activations(node: Any, readers: dict[str, list[Any]]) -> list[str]:
    """Of the activation behind a node, where nothing else reads what the node gives."""
    behind = readers.get(node.output[0], [])
    return [reader.name for reader in behind if len(behind) == 1 and reader.op_type in FOLLOWING]
