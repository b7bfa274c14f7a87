"""An ONNX graph in the making: what kernels and layer models add their nodes to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from netadapt.latency.runtimes.reference import Array

OPSET = 17
IR_VERSION = 8


@dataclass
class OnnxGraph:
    """Nodes, constants, inputs and outputs so far, each called by its name."""

    nodes: list[Any] = field(default_factory=list)
    initializers: list[Any] = field(default_factory=list)
    inputs: list[Any] = field(default_factory=list)
    outputs: list[Any] = field(default_factory=list)

    def constant(self, name: str, value: Array | np.ndarray[Any, Any]) -> str:
        """Add a constant called `name`."""
        from onnx import numpy_helper

        self.initializers.append(numpy_helper.from_array(np.asarray(value, order="C"), name))
        return name

    def input(self, name: str, size: tuple[int, ...]) -> str:
        """Add a float32 input called `name`."""
        self.inputs.append(_value(name, size))
        return name

    def output(self, name: str, size: tuple[int, ...]) -> None:
        """Say that the result `name` is an output."""
        self.outputs.append(_value(name, size))

    def node(self, op: str, sources: list[str], name: str, **attributes: Any) -> str:
        """Add a node called `name`; its result carries the same name."""
        from onnx import helper

        self.nodes.append(helper.make_node(op, sources, [name], name=name, **attributes))
        return name

    def serialize(self) -> bytes:
        """The whole model as a file's bytes."""
        from onnx import helper

        graph = helper.make_graph(
            self.nodes, "layer", self.inputs, self.outputs, initializer=self.initializers
        )
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
        )
        return bytes(model.SerializeToString())


def _value(name: str, size: tuple[int, ...]) -> Any:
    from onnx import TensorProto, helper

    return helper.make_tensor_value_info(name, TensorProto.FLOAT, list(size))
