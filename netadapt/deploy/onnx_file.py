"""Exports a network as an ONNX file, and proves that the file computes what the network does.

The file has batch norm folded, one fixed input size and batch 1, as a device runs it. How torch is
asked for it is shared with whole-network timing, in `networks.onnx_export`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from netadapt.errors import ModelError, in_words
from netadapt.extras import needed
from netadapt.files import atomic_path
from netadapt.networks.network_inputs import parameter_names
from netadapt.networks.network_outputs import named_outputs
from netadapt.networks.onnx_export import export_onnx
from netadapt.networks.store import find_model, load_model, read_config
from netadapt.users_code import users_code

TOLERANCE = 1e-4
"""Largest difference allowed, as a share of the network's largest output: folding batch norm and
another order of additions change float32 results by some 1e-6."""

COMPARED_INPUTS = 4


@dataclass(frozen=True)
class Exported:
    """An ONNX file, its inputs' shapes, what inputs and outputs are called; how far from torch.

    On random inputs: `largest_difference` and `largest_output` are in the network's own unit,
    metres for depth.
    """

    file: Path
    input_shapes: tuple[tuple[int, ...], ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    largest_difference: float
    largest_output: float
    size_bytes: int

    @property
    def tolerance(self) -> float:
        """What `largest_difference` had to stay below."""
        return TOLERANCE * self.largest_output


def export_model(path: str, out: Path | None = None) -> Exported:
    """Write the network at `path`, which may be whatever `load_model` takes, as ONNX into `out`.

    Without `out` the file is NAME.onnx in the current folder, NAME the last part of `path`. Raises
    ModelError when the network can't be exported, or the file differs from it; nothing is written
    then.
    """
    folder = find_model(path)
    shapes = read_config(folder).input_shapes
    model = load_model(folder)
    examples = tuple(torch.zeros(shape) for shape in shapes)
    exported = export_onnx(model, examples)
    with torch.no_grad(), users_code(f"running {path}", ModelError):
        output = model(*examples)
    inputs = _input_names(model, len(shapes))
    outputs = _output_names(output, inputs)
    content = _named(exported, inputs, outputs)
    difference, largest = _compare(model, content, shapes, path)
    if not difference <= TOLERANCE * largest:
        raise ModelError(
            f"the exported {path} differs from the network by {difference:.3g} where its outputs "
            f"reach {largest:.3g}, expected at most {TOLERANCE * largest:.3g}; nothing was "
            f"written. Another version of torch or onnxruntime may export it rightly"
        )
    file = out or Path(f"{Path(path).resolve().name}.onnx")
    with atomic_path(file) as temporary:
        temporary.write_bytes(content)
    return Exported(file, shapes, tuple(inputs), tuple(outputs), difference, largest, len(content))


def _named(exported: bytes, inputs: list[str], outputs: list[str]) -> bytes:
    """The model with inputs and outputs of these names, and weights called as in the network.

    The exporter's notes go: they name source files of this machine.
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
    try:
        onnx.checker.check_model(proto)
    except onnx.checker.ValidationError as error:
        raise ModelError(
            f"torch exported an ONNX model that isn't valid ({in_words(error)})"
        ) from error
    return bytes(proto.SerializeToString())


@torch.inference_mode()
def _compare(
    model: nn.Module, content: bytes, shapes: tuple[tuple[int, ...], ...], path: str
) -> tuple[float, float]:
    """The largest difference between torch and onnxruntime, and torch's largest output.

    Of several outputs those of the one that differs most for its size.
    """
    onnxruntime = needed("onnxruntime", "onnx")
    try:
        session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own classes share no base
        raise ModelError(
            f"onnxruntime can't run the exported {path} ({in_words(error)})"
        ) from error
    names = [node.name for node in session.get_inputs()]
    generator = torch.Generator().manual_seed(0)
    found: dict[int, tuple[float, float]] = {}
    for _ in range(COMPARED_INPUTS):
        examples = [torch.rand(shape, generator=generator) for shape in shapes]
        with users_code(f"running {path}", ModelError):
            expected = [tensor for _, tensor in named_outputs(model(*examples))]
        feeds = {name: example.numpy() for name, example in zip(names, examples, strict=True)}
        got = [torch.from_numpy(array) for array in session.run(None, feeds)]
        if [tuple(one.shape) for one in expected] != [tuple(one.shape) for one in got]:
            raise ModelError(f"the exported {path} gives other shapes than the network")
        for index, pair in enumerate(zip(expected, got, strict=True)):
            difference, largest = found.get(index, (0.0, 0.0))
            apart, reached = _apart(*pair)
            found[index] = max(difference, apart), max(largest, reached)
    # Of several outputs, each by its own size: labels are larger than the scores beside them.
    return max(found.values(), key=lambda output: output[0] / max(output[1], 1e-12))


def _apart(ours: Tensor, theirs: Tensor) -> tuple[float, float]:
    """The largest difference, infinite where only one has a number, and the largest of ours."""
    if not ours.numel():
        return 0.0, 0.0
    one, other = ours.double(), theirs.double()
    same = (one == other) | (one.isnan() & other.isnan())
    difference = torch.where(same, 0.0, (one - other).abs()).nan_to_num(nan=math.inf)
    return float(difference.max()), float(one.abs().nan_to_num(posinf=0.0).max())


def _input_names(model: nn.Module, count: int) -> list[str]:
    """`input`, or the names of the forward's parameters where it takes several."""
    names = parameter_names(model)
    if count == 1 or len(names) < count:
        return _numbered("input", count)
    return names[:count]


def _output_names(output: Any, inputs: list[str]) -> list[str]:
    """`output`, `output_1`, … of a tensor or a tuple; the keys of a dict or a dataclass."""
    paths = [path for path, _ in named_outputs(output)]
    if all(not path or path.isdecimal() for path in paths):
        return _numbered("output", len(paths))
    paths = [f"output_{path}" if path[0].isdecimal() else path for path in paths]
    return [f"{path}_output" if path in inputs else path for path in paths]


def _numbered(name: str, count: int) -> list[str]:
    return [f"{name}_{index}" if index else name for index in range(count)]
