"""ONNX models made of nodes, for what needs no torch: an export takes a second, these take none."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIDE = 8


def pointwise_chain(*widths: int, skip: bool = False) -> bytes:
    """1×1 convolutions without bias from 3 channels to each width in turn, on 8×8 pixels.

    With `skip` the first one's result is added to the last one's, which has its width.
    """
    channels, source, nodes, weights = 3, "input", [], []
    for index, width in enumerate(widths):
        values = np.ones((width, channels, 1, 1), np.float32)
        weights.append(numpy_helper.from_array(values, f"w{index}"))
        nodes.append(helper.make_node("Conv", [source, f"w{index}"], [f"y{index}"]))
        channels, source = width, f"y{index}"
    if skip:
        nodes.append(helper.make_node("Add", ["y0", source], ["sum"]))
        source = "sum"
    image = helper.make_tensor_value_info("input", TensorProto.FLOAT, (1, 3, SIDE, SIDE))
    result = helper.make_tensor_value_info(source, TensorProto.FLOAT, (1, channels, SIDE, SIDE))
    graph = helper.make_graph(nodes, "chain", [image], [result], weights)
    opset = [helper.make_opsetid("", 18)]
    content: bytes = onnx.ModelProto.SerializeToString(
        helper.make_model(graph, opset_imports=opset, ir_version=9)
    )
    return content
