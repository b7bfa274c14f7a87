"""Imports FastDepth's weights from an .npz in which batch norm was folded away.

They compute the same function, but batch norm is an identity plus a bias. Getting its statistics
back before training is the training room's work, for any network.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
from torch import nn

from netadapt.depth.fastdepth.config import FastDepthConfig
from netadapt.depth.fastdepth.mobilenet import DEPTH
from netadapt.errors import WeightsError
from netadapt.networks.store import fit_weights
from netadapt.outside_arrays import arrays_of


def import_folded(file: Path | str) -> tuple[nn.Module, FastDepthConfig]:
    """Read FastDepth from an .npz with folded batch norm, and its config (`batch_norm` 'folded').

    Keys: `encoder.conv0.weight`, `encoder.convN.dw.weight`, `encoder.convN.pw.weight`,
    `decoder.convN.dw…`, `decoder.conv6.pw…`, each with a `.bias`. Batch norm becomes the identity
    with that bias. Raises WeightsError naming the keys that are missing or too many.
    """
    file = Path(file)
    arrays = arrays_of(file, WeightsError, "an .npz of float arrays")
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
    config = FastDepthConfig(batch_norm="folded")
    config = config.at_widths_of({key: tensor.shape for key, tensor in tensors.items()})
    model = config.build()
    for name, module in model.named_modules():
        if isinstance(module, nn.BatchNorm2d):
            width = module.num_features
            tensors[f"{name}.weight"] = torch.full((width,), math.sqrt(1 + module.eps))
            tensors[f"{name}.running_mean"] = torch.zeros(width)
            tensors[f"{name}.running_var"] = torch.ones(width)
    fit_weights(model, tensors, str(file))
    return model.eval(), config


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
