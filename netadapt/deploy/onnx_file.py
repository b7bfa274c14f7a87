"""Exports a network as an ONNX file, and proves that the file computes what the network does.

The file has batch norm folded and one fixed input size; batch 1, as a device runs it, or any. How
torch is asked for it is shared with whole-network timing, in `networks.onnx_export`; what stands in
the file beside the network is in `onnx_names.py` and `onnx_metadata.py`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from netadapt.deploy.comparison import TOLERANCE, require_same
from netadapt.deploy.onnx_metadata import with_metadata
from netadapt.deploy.onnx_names import input_names, output_names, with_names
from netadapt.errors import ModelError, OutputError, in_words
from netadapt.extras import needed
from netadapt.files import atomic_path
from netadapt.networks.config import ModelConfig
from netadapt.networks.onnx_export import export_onnx
from netadapt.networks.store import find_model, load_model, read_config
from netadapt.users_code import users_code

COMPARED_BATCH = 3
"""Images at a time, where any number may be."""


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
    dynamic_batch: bool = False

    @property
    def tolerance(self) -> float:
        """What `largest_difference` had to stay below."""
        return TOLERANCE * self.largest_output


def export_model(path: str, out: Path | None = None, *, dynamic_batch: bool = False) -> Exported:
    """Write the network at `path`, which may be whatever `load_model` takes, as ONNX into `out`.

    Without `out` the file is NAME.onnx in the current folder, NAME the last part of `path`. With
    `dynamic_batch` it takes any number of images at a time. Raises ModelError when the network
    can't be exported, or the file differs from it; nothing is written then.
    """
    file = out or default_file(path)
    require_place(file)
    made = make_file(path, dynamic_batch)
    write_file(file, made.content)
    return Exported(
        file,
        made.config.input_shapes,
        made.inputs,
        made.outputs,
        made.largest_difference,
        made.largest_output,
        len(made.content),
        dynamic_batch,
    )


@dataclass(frozen=True)
class OnnxModel:
    """An ONNX model in float32 that isn't written yet, the network that it was compared with."""

    content: bytes
    network: nn.Module
    config: ModelConfig
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    largest_difference: float
    largest_output: float

    @property
    def tolerance(self) -> float:
        """What `largest_difference` had to stay below."""
        return TOLERANCE * self.largest_output


def make_file(path: str, dynamic_batch: bool = False) -> OnnxModel:
    """What `export_model` writes, compared with the network. Raises ModelError as it does."""
    folder = find_model(path)
    config = read_config(folder)
    model = load_model(folder)
    examples = tuple(torch.zeros(shape) for shape in config.input_shapes)
    exported = export_onnx(model, examples, dynamic_batch=dynamic_batch)
    with torch.no_grad(), users_code(f"running {path}", ModelError):
        output = model(*examples)
    inputs = input_names(model, len(examples))
    outputs = output_names(output, inputs)
    content = with_metadata(with_names(exported, inputs, outputs), config)
    batch = COMPARED_BATCH if dynamic_batch else 1
    shapes = tuple((batch, *shape[1:]) if batch > 1 else shape for shape in config.input_shapes)
    run = _run_by(open_session(content, path), path)
    same = require_same(
        model, run, shapes, path, "Another version of torch or onnxruntime may export it rightly"
    )
    return OnnxModel(
        content, model, config, tuple(inputs), tuple(outputs), same.difference, same.largest
    )


def default_file(path: str, precision: str = "float32") -> Path:
    """NAME.onnx or NAME-PRECISION.onnx in the current folder, NAME the last part of `path`."""
    of_precision = "" if precision == "float32" else f"-{precision}"
    return Path(f"{Path(path).resolve().name}{of_precision}.onnx")


def require_place(file: Path) -> None:
    """Raise OutputError where no file can be written at `file`, before anything is computed."""
    if file.is_dir():
        raise OutputError(f"cannot write {file}: it is a folder; name a file in it with --out")
    above = next(folder for folder in file.absolute().parents if folder.exists())
    if not above.is_dir() or not os.access(above, os.W_OK):
        raise OutputError(f"cannot write {file}: {above} is no folder to write to; choose another")


def write_file(file: Path, content: bytes) -> None:
    """Write an ONNX model. Raises OutputError."""
    with atomic_path(file) as temporary:
        temporary.write_bytes(content)


def _run_by(session: Any, path: str) -> Callable[[list[Tensor]], list[Tensor]]:
    """What gives the outputs of an onnxruntime session for inputs in order."""
    names = [node.name for node in session.get_inputs()]

    def run(inputs: list[Tensor]) -> list[Tensor]:
        feeds = {name: tensor.numpy() for name, tensor in zip(names, inputs, strict=True)}
        try:
            return [torch.from_numpy(array) for array in session.run(None, feeds)]
        except Exception as error:  # onnxruntime's own classes share no base
            raise ModelError(
                f"onnxruntime can't run the exported {path} ({in_words(error)})"
            ) from error

    return run


def open_session(content: bytes, path: str) -> Any:
    """An onnxruntime session of the ONNX model that was made of `path`, on the processor."""
    onnxruntime = needed("onnxruntime", "onnx")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own classes share no base
        raise ModelError(
            f"onnxruntime can't run the exported {path} ({in_words(error)})"
        ) from error
