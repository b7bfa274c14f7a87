"""A whole network as an ONNX model: exported once, then at any widths without torch.

Latency doesn't depend on the values of weights, so a pruning is timed by giving the exported
model weights of other sizes. Batch norms are folded by the export.
"""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from netadapt.errors import ModelError
from netadapt.extras import needed

if TYPE_CHECKING:
    import torch
    from torch import nn

    from netadapt.graph import LayerGraph, LayerShape

_WEIGHTED = ("Conv", "ConvTranspose", "Gemm")


def export_onnx(model: nn.Module, example: torch.Tensor | tuple[torch.Tensor, ...]) -> bytes:
    """`model` in evaluation mode as an ONNX model that takes inputs of the example's shapes.

    Raises ModelError when torch can't export it, MissingExtraError without onnxscript.
    """
    import torch

    from netadapt.graph.operator_calls import evaluating

    needed("onnxscript", "onnx")
    inputs = example if isinstance(example, tuple) else (example,)
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with (
            evaluating(model),
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            torch.no_grad(),
        ):
            warnings.simplefilter("ignore")
            program = torch.onnx.export(model, inputs, dynamo=True, verbose=False)
    except Exception as error:  # torch.onnx's own classes share no base
        cause = error.__cause__ or error  # the exporter wraps what really happened
        line = (str(cause).strip().splitlines() or [type(cause).__name__])[0]
        raise ModelError(f"torch can't export {type(model).__name__} to ONNX: {line}") from error
    finally:
        logger.setLevel(level)
    assert program is not None
    return bytes(program.model_proto.SerializeToString())


def at_widths(exported: bytes, full: LayerGraph, graph: LayerGraph) -> bytes:
    """The exported model of `full` with weights of the sizes of `graph`, values random.

    Raises ModelError when the model's weights can't be matched with the graph's layers.
    """
    onnx = needed("onnx", "onnx")
    numpy_helper = needed("onnx.numpy_helper", "onnx")

    proto = onnx.load_from_string(exported)
    arrays = {item.name: item for item in proto.graph.initializer}
    nodes = [node for node in proto.graph.node if node.op_type in _WEIGHTED]
    before = [layer.shape for layer in full.layers if layer.shape.weights]
    after = [layer.shape for layer in graph.layers if layer.shape.weights]
    if len(nodes) != len(before):
        raise ModelError(
            f"the exported {full.network} has {len(nodes)} layers with weights, its graph "
            f"{len(before)}"
        )
    generator = np.random.default_rng(0)

    def replace(name: str, size: tuple[int, ...], scale: float) -> None:
        values = generator.standard_normal(size, dtype=np.float32) * np.float32(scale)
        arrays[name].CopyFrom(numpy_helper.from_array(values, name))

    for node, was, now in zip(nodes, before, after, strict=True):
        held = tuple(arrays[node.input[1]].dims)
        if held != _weight_size(was, node):
            raise ModelError(
                f"the exported {full.network} has weights of {held} where its graph has {was}"
            )
        size = _weight_size(now, node)
        terms = max(1, now.weights // now.out_channels)
        replace(node.input[1], size, (2 / terms) ** 0.5)
        if len(node.input) > 2 and node.input[2]:
            replace(node.input[2], (now.out_channels,), 0.1)
        for attribute in node.attribute:
            if attribute.name == "group":
                attribute.i = now.groups
    del proto.graph.value_info[:]
    return bytes(proto.SerializeToString())


def _weight_size(shape: LayerShape, node: Any) -> tuple[int, ...]:
    """The size of an ONNX node's weights for a layer of `shape`."""
    if shape.op == "conv_transpose2d":
        return (shape.in_channels, shape.out_channels // shape.groups, *shape.kernel)
    if node.op_type == "Gemm":
        turned = any(a.name == "transB" and a.i for a in node.attribute)
        pair = (shape.out_channels, shape.in_channels)
        return pair if turned else pair[::-1]
    return (shape.out_channels, shape.in_channels // shape.groups, *shape.kernel)
