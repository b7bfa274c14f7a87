"""Imports weights from elsewhere: official FastDepth checkpoints and ImageNet encoders.

An official `.pth.tar` holds a pickled module, whose tensors are read without running anything. Here
the variant is recognised by its keys and class names, and the widths are read off the shapes. What
comes out is a network of ours and its config.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from netadapt.depth.fastdepth.config import FastDepthConfig
from netadapt.depth.fastdepth.folded import import_folded
from netadapt.depth.fastdepth.mobilenet import DEPTH, FastDepth, MobileNetDepth
from netadapt.errors import WeightsError
from netadapt.networks.checkpoint_tensors import checkpoint_place, checkpoint_tensors
from netadapt.networks.key_prefixes import without_holder
from netadapt.networks.pickles import ClassNames
from netadapt.networks.store import fit_weights
from netadapt.networks.weight_files import holds_arrays
from netadapt.remarks import remark

PICKLED_CLASSES: ClassNames = {
    "models": (
        "MobileNet",
        "MobileNetSkipAdd",
        "MobileNetSkipConcat",
        "ResNet",
        "ResNetSkipAdd",
        "ResNetSkipConcat",
        "Decoder",
        "DeConv",
        "UpConv",
        "UpProj",
        "NNConv",
        "BLConv",
        "ShuffleConv",
        "Identity",
        "Unpool",
        "upproj",
    ),
    "imagenet.mobilenet": ("MobileNet",),
    "torchvision.models.resnet": ("ResNet", "BasicBlock", "Bottleneck"),
    "metrics": ("Result",),
}
"""The classes that the official checkpoints hold, beside torch's."""

_STAGE_PREFIXES = {"convt1": "deconv", "upconv1": "upconv", "upproj1": "upproj"}


def import_weights(file: Path | str) -> tuple[nn.Module, FastDepthConfig]:
    """The network in `file`, with its weights, and its config.

    `file` is an .npz with folded batch norm, an official `.pth.tar` (a dict whose 'model' is a
    pickled module, or whose 'state_dict' is one, or a bare state dict), or the same state dict as
    safetensors. Raises WeightsError when it can't be read, holds something unexpected, or is no
    variant of FastDepth.
    """
    file = Path(file)
    if not checkpoint_place(file)[0].is_file():
        raise WeightsError(f"there is no file {file}")
    if file.is_file() and _is_npz(file):
        return import_folded(file)
    tensors, classes = checkpoint_tensors(file, PICKLED_CLASSES)
    tensors = _of_the_network(tensors, file)
    config = _recognise(tensors, classes, file)
    config = config.at_widths_of({key: tensor.shape for key, tensor in tensors.items()})
    model = config.build()
    fit_weights(model, tensors, str(file))
    return model.eval(), config


def load_encoder_weights(model: nn.Module, file: Path | str) -> int:
    """Load an ImageNet classifier's convolutions into the encoder of `model`, in place.

    For MobileNet encoders: the official `model_best.pth.tar` (keys `module.model.N…`), or any
    checkpoint `import_weights` takes; for ResNets a torchvision state dict. Returns the number of
    tensors loaded. Raises WeightsError when keys are missing or widths differ; `model` is then
    unchanged.
    """
    file = Path(file)
    if not checkpoint_place(file)[0].is_file():
        raise WeightsError(f"there is no file {file}")
    tensors, _ = checkpoint_tensors(file, PICKLED_CLASSES)
    own = model.state_dict()
    if isinstance(model, FastDepth | MobileNetDepth):
        prefix = "conv" if isinstance(model, FastDepth) else "mobilenet."
        pattern = re.compile(r"(?:model\.|mobilenet\.|conv)(\d+)(\..*)")
        renamed: dict[str, Tensor] = {}
        for key, tensor in tensors.items():
            match = pattern.fullmatch(key)
            if match is not None and int(match[1]) < DEPTH:
                renamed[f"{prefix}{match[1]}{match[2]}"] = tensor
        tensors = renamed
        encoder = re.compile(rf"{re.escape(prefix)}\d+\.")
    else:
        encoder = re.compile(r"(conv1|bn1|layer\d)\.")
    wanted = {key for key in own if encoder.match(key)}
    if not wanted:
        raise WeightsError(
            f"cannot load encoder weights into a {type(model).__name__}: it has no MobileNet or "
            f"ResNet encoder with the official names"
        )
    picked = {key: tensor for key, tensor in tensors.items() if key in wanted}
    whole = {key: value for key, value in own.items() if key not in wanted}
    fit_weights(model, {**whole, **picked}, str(file))
    return len(picked)


def _of_the_network(tensors: dict[str, Tensor], file: Path) -> dict[str, Tensor]:
    """Without the name of what held the network, such as a LightningModule's `model.`."""
    for landmark in ("conv0.0.weight", "mobilenet.0.0.weight", "layer1.0.conv1.weight"):
        found, done = without_holder([landmark], tensors, str(file))
        if landmark in found:
            if done:
                remark(done)
            return found
    return tensors


def _recognise(tensors: Mapping[str, Tensor], classes: list[str], file: Path) -> FastDepthConfig:
    """The variant that has these keys, widths left out.

    Keys tell encoder, skip and decoder; only nnconv and blconv differ by nothing but their class,
    and a state dict without classes is taken for nnconv.
    """
    encoder = _encoder(tensors, file)
    skipping = any(key.startswith("decode_conv1.") for key in tensors)
    first = "decode_conv1" if skipping else ""
    family = "nnconv"
    if not skipping:
        stems = {key.split(".")[1] for key in tensors if key.startswith("decoder.")}
        family = next((f for stem, f in _STAGE_PREFIXES.items() if stem in stems), "nnconv")
        stem = next((stem for stem in (*_STAGE_PREFIXES, "conv1") if stem in stems), None)
        if stem is None:
            raise WeightsError(f"{file}: no decoder among its keys; expected decoder.… keys")
        if family == "nnconv" and "conv6" not in stems:
            family = "shuffle"
        if any(name.endswith(".BLConv") for name in classes):
            family = "blconv"
        first = f"decoder.{stem}"
    decoder = family
    if family not in ("upconv", "upproj"):
        depthwise = f"{first}.0.0.weight" in tensors
        weight = tensors.get(f"{first}.0.0.weight" if depthwise else f"{first}.0.weight")
        if weight is None or weight.dim() != 4:
            raise WeightsError(f"{file}: {first}.0.weight is missing or no convolution's weight")
        decoder = f"{family}{weight.shape[-1]}{'dw' if depthwise else ''}"
    skip = "none"
    if skipping:
        skip = "concat" if _concatenates(tensors) else "add"
    return FastDepthConfig(encoder=encoder, decoder=decoder, skip=skip)


def _encoder(tensors: Mapping[str, Tensor], file: Path) -> str:
    if "conv0.0.weight" in tensors or "mobilenet.0.0.weight" in tensors:
        return "mobilenet"
    if "model.0.0.weight" in tensors or "fc.weight" in tensors:
        raise WeightsError(
            f"{file} is an image classifier, not a depth network; give it to netadapt train "
            f"--encoder-weights"
        )
    if "layer1.0.conv1.weight" in tensors:
        blocks = tuple(
            len({key.split(".")[1] for key in tensors if key.startswith(f"layer{n}.")})
            for n in range(1, 5)
        )
        if "layer1.0.conv3.weight" in tensors and blocks == (3, 4, 6, 3):
            return "resnet50"
        if blocks == (2, 2, 2, 2):
            return "resnet18"
        raise WeightsError(f"{file}: a ResNet with {blocks} blocks, expected ResNet-18 or -50")
    few = ", ".join(list(tensors)[:3])
    raise WeightsError(
        f"{file} is no variant of FastDepth: its keys are {few}, …; say whose weights they are "
        f"with --model package.module:function"
    )


def _concatenates(tensors: Mapping[str, Tensor]) -> bool:
    """Whether the third stage takes more channels than the second gives."""
    depthwise = "decode_conv3.0.0.weight" in tensors
    key, axis = ("decode_conv3.0.0.weight", 0) if depthwise else ("decode_conv3.0.weight", 1)
    out = "decode_conv2.1.0.weight" if depthwise else "decode_conv2.0.weight"
    if key not in tensors or out not in tensors:
        return False
    return tensors[key].shape[axis] > tensors[out].shape[0]


def _is_npz(file: Path) -> bool:
    """Whether `file` is one, or was: a damaged one is told so by its reader."""
    return holds_arrays(file) or (file.suffix == ".npz" and not zipfile.is_zipfile(file))
