"""Weights whose batch norm was folded away: importing them, and giving them their statistics back.

Folded weights compute the same function, but batch norm has become an identity plus a bias. Trained
like that, an identity batch norm would normalise by each batch and destroy them; so before training
`restore_batch_norm` measures the statistics on training frames. The network's function stays as it
is.
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from netadapt.depth.fastdepth.mobilenet import DEPTH
from netadapt.errors import DataError, WeightsError
from netadapt.networks.build import build, read_widths
from netadapt.networks.config import ModelConfig, NetworkConfig
from netadapt.networks.store import fit_weights


def import_folded(file: Path | str) -> tuple[nn.Module, NetworkConfig]:
    """Read FastDepth from an .npz with folded batch norm, and its config (`batch_norm` 'folded').

    Keys: `encoder.conv0.weight`, `encoder.convN.dw.weight`, `encoder.convN.pw.weight`,
    `decoder.convN.dw…`, `decoder.conv6.pw…`, each with a `.bias`. Batch norm becomes the identity
    with that bias. Raises WeightsError naming the keys that are missing or too many.
    """
    file = Path(file)
    arrays = _read_arrays(file)
    places = _places()
    missing = [key for key in places if key not in arrays]
    unexpected = [key for key in arrays if key not in places]
    if missing or unexpected:
        raise WeightsError(
            f"{file} is not a folded FastDepth: {len(missing)} keys missing "
            f"({', '.join(missing[:3]) or 'none'}), {len(unexpected)} unexpected "
            f"({', '.join(unexpected[:3]) or 'none'})"
        )
    tensors = {
        places[key]: torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))
        for key, array in arrays.items()
    }
    config = NetworkConfig(batch_norm="folded")
    config = read_widths(config, {key: tensor.shape for key, tensor in tensors.items()})
    model = build(config)
    for name, module in model.named_modules():
        if isinstance(module, nn.BatchNorm2d):
            width = module.num_features
            tensors[f"{name}.weight"] = torch.full((width,), math.sqrt(1 + module.eps))
            tensors[f"{name}.running_mean"] = torch.zeros(width)
            tensors[f"{name}.running_var"] = torch.ones(width)
    fit_weights(model, tensors, str(file))
    return model.eval(), config


def needs_batch_norm(model: nn.Module, config: ModelConfig | None = None) -> bool:
    """Whether training `model` must wait for `restore_batch_norm`.

    The config says so; without one, the model does: its running statistics are untouched (mean 0,
    variance 1) although most of its batch norms already shift.
    """
    if isinstance(config, NetworkConfig):
        return config.batch_norm == "folded"
    norms = _batch_norms(model)
    untouched = all(
        bool((norm.running_mean == 0).all()) and bool((norm.running_var == 1).all())
        for norm in norms.values()
        if norm.running_mean is not None and norm.running_var is not None
    )
    shifting = sum(norm.bias is not None and bool(norm.bias.any()) for norm in norms.values())
    return bool(norms) and untouched and shifting > len(norms) / 2


@torch.no_grad()
def restore_batch_norm(model: nn.Module, batches: Iterable[Tensor]) -> int:
    """Give every batch norm of `model` the statistics of its input over `batches`, in place.

    `batches` are network inputs, [B, 3, H, W], as in training; some hundred images are enough. All
    layers are measured in one pass a batch: the network's function doesn't change while they are,
    nor by what is set afterwards (gain and shift take up the new statistics). Returns the number
    of images seen. Raises DataError when there is none or the statistics aren't finite.
    """
    norms = {
        name: norm for name, norm in _batch_norms(model).items() if norm.running_mean is not None
    }
    moments = {name: _Moments(norm.num_features) for name, norm in norms.items()}
    handles = [
        norm.register_forward_pre_hook(_measure(moments[name])) for name, norm in norms.items()
    ]
    was_training = model.training
    model.eval()
    images = 0
    try:
        for batch in batches:
            model(batch)
            images += len(batch)
    finally:
        for handle in handles:
            handle.remove()
        model.train(was_training)
    if images == 0:
        raise DataError("no frames to measure batch norm on: give at least one training frame")
    for name, measured in moments.items():
        if not measured.is_finite:
            raise DataError(f"the frames give batch norm {name} statistics that are not finite")
    for name, norm in norms.items():
        if moments[name].count:
            _set_statistics(norm, moments[name])
    return images


class _Moments:
    """Running mean and squared deviation of each channel, merged batch by batch in float64."""

    def __init__(self, width: int) -> None:
        self.count = 0
        self.mean = torch.zeros(width, dtype=torch.float64)
        self.deviation = torch.zeros(width, dtype=torch.float64)

    @property
    def is_finite(self) -> bool:
        return bool(torch.isfinite(self.mean).all() and torch.isfinite(self.deviation).all())

    def add(self, x: Tensor) -> None:
        """Take in [B, C, …]. Merging as in Chan, Golub and LeVeque (1979): no cancellation."""
        values = x.detach().transpose(0, 1).flatten(1)
        count = values.shape[1]
        variance, mean = torch.var_mean(values.double(), dim=1, correction=0)
        mean, variance = mean.cpu(), variance.cpu()
        total = self.count + count
        step = mean - self.mean
        self.deviation += variance * count + step.square() * (self.count * count / total)
        self.mean += step * (count / total)
        self.count = total


def _measure(moments: _Moments) -> Callable[[nn.Module, tuple[Any, ...]], None]:
    def hook(_module: nn.Module, inputs: tuple[Any, ...]) -> None:
        moments.add(inputs[0])

    return hook


def _set_statistics(norm: _BatchNorm, moments: _Moments) -> None:
    """Set mean and variance; gain and shift such that the layer's function stays the same.

    A channel that never varies gets variance 0 and the gain that undoes it, √ε times the old one.
    """
    assert norm.running_mean is not None
    assert norm.running_var is not None
    mean = moments.mean
    variance = moments.deviation / moments.count
    slope = 1 / (norm.running_var.double().cpu() + norm.eps).sqrt()
    offset = -norm.running_mean.double().cpu() * slope
    if norm.affine:
        slope, offset = slope * norm.weight.double().cpu(), offset * norm.weight.double().cpu()
        offset = offset + norm.bias.double().cpu()
        norm.weight.copy_(slope * (variance + norm.eps).sqrt())
        norm.bias.copy_(offset + slope * mean)
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)


def _batch_norms(model: nn.Module) -> dict[str, _BatchNorm]:
    return {name: m for name, m in model.named_modules() if isinstance(m, _BatchNorm)}


def _places() -> dict[str, str]:
    """Each key of the .npz → the state-dict key it fills."""
    layers = {"encoder.conv0": ("conv0.0", "conv0.1")}
    for i in range(1, DEPTH):
        layers[f"encoder.conv{i}.dw"] = (f"conv{i}.0", f"conv{i}.1")
        layers[f"encoder.conv{i}.pw"] = (f"conv{i}.3", f"conv{i}.4")
    for i in range(1, 6):
        layers[f"decoder.conv{i}.dw"] = (f"decode_conv{i}.0.0", f"decode_conv{i}.0.1")
        layers[f"decoder.conv{i}.pw"] = (f"decode_conv{i}.1.0", f"decode_conv{i}.1.1")
    layers["decoder.conv6.pw"] = ("decode_conv6.0", "decode_conv6.1")
    places: dict[str, str] = {}
    for name, (conv, norm) in layers.items():
        places[f"{name}.weight"] = f"{conv}.weight"
        places[f"{name}.bias"] = f"{norm}.bias"
    return places


def _read_arrays(file: Path) -> dict[str, Any]:
    try:
        # Opened here: np.load leaves the file open when it turns out to be damaged.
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            return {key: archive[key] for key in archive.files}
    except (OSError, ValueError, EOFError, AttributeError, TypeError, zipfile.BadZipFile) as error:
        raise WeightsError(
            f"cannot read {file}: {error}; expected an .npz of float arrays"
        ) from error
