"""What the inputs, outputs and weights of an exported network are called in its ONNX file.

They have the network's own names, so that a program that uses it reads as one that calls it.
"""

from __future__ import annotations

from typing import Any

from torch import nn

from netadapt.errors import ModelError, in_words
from netadapt.extras import needed
from netadapt.networks.network_inputs import parameter_names
from netadapt.networks.network_outputs import named_outputs
from netadapt.networks.onnx_export import BATCH


def with_names(exported: bytes, inputs: list[str], outputs: list[str]) -> bytes:
    """The model with inputs and outputs of these names, and weights called as in the network.

    The exporter's notes go: they name source files of this machine. A side that may be any number
    is called `batch`; raises ModelError for an output that hasn't it where the inputs have.
    """
    onnx = needed("onnx", "onnx")
    proto = onnx.load_from_string(exported)
    weights = {item.name: item.name.removeprefix("network.") for item in proto.graph.initializer}
    held = {*weights.values(), *(name for node in proto.graph.node for name in node.output)}
    names = weights | {name: f"{name}.inner" for name in held & {*inputs, *outputs}}
    for values, wanted in ((proto.graph.input, inputs), (proto.graph.output, outputs)):
        for value, name in zip(values, wanted, strict=True):
            names[value.name] = name
    for value in (*proto.graph.input, *proto.graph.output, *proto.graph.initializer):
        value.name = names[value.name]
    for node in proto.graph.node:
        for edges in (node.input, node.output):
            edges[:] = [names.get(name, name) for name in edges]
        node.ClearField("metadata_props")
    for value in (*proto.graph.input, *proto.graph.output, *proto.graph.initializer):
        value.ClearField("metadata_props")
    proto.graph.ClearField("metadata_props")
    proto.graph.ClearField("value_info")
    _name_batch(proto)
    try:
        onnx.checker.check_model(proto)
    except onnx.checker.ValidationError as error:
        raise ModelError(
            f"torch exported an ONNX model that isn't valid ({in_words(error)})"
        ) from error
    return bytes(proto.SerializeToString())


def _name_batch(proto: Any) -> None:
    """Call the side that torch left open `batch`, in inputs and outputs."""
    opened = {value.type.tensor_type.shape.dim[0].dim_param for value in proto.graph.input}
    if opened == {""}:
        return
    for value in (*proto.graph.input, *proto.graph.output):
        sides = value.type.tensor_type.shape.dim
        if not sides or sides[0].dim_param not in opened:
            shape = [side.dim_param or side.dim_value for side in sides]
            raise ModelError(
                f"the output {value.name} is {shape} when the batch may be any number: it isn't by "
                f"images; leave out --dynamic-batch"
            )
        sides[0].dim_param = BATCH


def input_names(model: nn.Module, count: int) -> list[str]:
    """`input`, or the names of the forward's parameters where it takes several."""
    names = parameter_names(model)
    if count == 1 or len(names) < count:
        return _numbered("input", count)
    return names[:count]


def output_names(output: Any, inputs: list[str]) -> list[str]:
    """`output`, `output_1`, … of a tensor or a tuple; the keys of a dict or a dataclass."""
    paths = [path for path, _ in named_outputs(output)]
    if all(not path or path.isdecimal() for path in paths):
        return _numbered("output", len(paths))
    paths = [f"output_{path}" if path[0].isdecimal() else path for path in paths]
    return [f"{path}_output" if path in inputs else path for path in paths]


def _numbered(name: str, count: int) -> list[str]:
    return [f"{name}_{index}" if index else name for index in range(count)]
