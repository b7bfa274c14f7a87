"""A depth network wherever it lies: a model folder, a run's folder or an exported ONNX file.

What a predictor gives is the same for all of them; how it was trained or measured is no matter
here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from netadapt.errors import ModelError, in_words
from netadapt.extras import needed
from netadapt.networks.network_outputs import main_output
from netadapt.networks.store import find_model, load_model, read_config
from netadapt.users_code import users_code


class Predictor(Protocol):
    """Depth from images: `[B, 3, h, w]` in [0, 1] to `[B, 1, h, w]` metres, h×w = `size`."""

    @property
    def name(self) -> str: ...

    @property
    def size(self) -> tuple[int, int]: ...

    def __call__(self, images: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class TorchPredictor:
    """A network in PyTorch, on the device `compute`."""

    name: str
    size: tuple[int, int]
    model: nn.Module
    compute: torch.device

    @torch.inference_mode()
    def __call__(self, images: Tensor) -> Tensor:
        images = images.to(self.compute).contiguous(memory_format=torch.channels_last)
        with users_code(f"{self.name}, on images,", ModelError):
            depth = main_output(self.model(images))
        return depth.float().cpu()


@dataclass(frozen=True)
class OnnxPredictor:
    """An exported network in onnxruntime, on the processor, `batch_size` images at a time."""

    name: str
    size: tuple[int, int]
    session: Any
    batch_size: int | None

    def __call__(self, images: Tensor) -> Tensor:
        name = self.session.get_inputs()[0].name
        parts = torch.split(images, self.batch_size or len(images))
        depths = [self.session.run(None, {name: part.numpy()})[0] for part in parts]
        return torch.from_numpy(np.concatenate(depths))


def open_predictor(path: str, compute: torch.device) -> Predictor:
    """The network at `path`: an .onnx file, a model or run folder, or a shipped model's name.

    Raises ModelError or WeightsError when there is none, or it doesn't map images to depth.
    """
    if path.endswith(".onnx"):
        return _open_onnx(Path(path))
    folder = find_model(path)
    shape = read_config(folder).input_shapes[0]
    if len(shape) != 4 or shape[1] != 3:
        raise ModelError(f"{path} takes {list(shape)}, expected images [1, 3, height, width]")
    return TorchPredictor(path, (shape[2], shape[3]), load_model(folder).to(compute), compute)


def _open_onnx(path: Path) -> OnnxPredictor:
    onnxruntime = needed("onnxruntime", "onnx")
    if not path.is_file():
        raise ModelError(f"there is no file {path}")
    try:
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has no public base class for a file it can't load
        raise ModelError(f"cannot load {path} ({in_words(error)})") from error
    shape = session.get_inputs()[0].shape
    size = tuple(shape[2:])
    if len(shape) != 4 or shape[1] != 3 or not all(isinstance(side, int) for side in size):
        raise ModelError(
            f"{path} takes {shape}, expected images [batch, 3, height, width] of a fixed size"
        )
    batch_size = shape[0] if isinstance(shape[0], int) else None
    return OnnxPredictor(str(path), (size[0], size[1]), session, batch_size)
