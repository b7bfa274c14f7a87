"""Makes checkpoint files as FastDepth's own training code did, from networks of ours.

The classes that such files name (`models.MobileNetSkipAdd`, …) exist only while a file is written.
"""

from __future__ import annotations

import argparse
import sys
import types
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

CLASSES = {
    "models": (
        "MobileNet",
        "MobileNetSkipAdd",
        "MobileNetSkipConcat",
        "ResNet",
        "ResNetSkipAdd",
        "ResNetSkipConcat",
        "NNConv",
        "BLConv",
        "ShuffleConv",
        "DeConv",
        "UpConv",
        "UpProj",
        "upproj",
        "Unpool",
    ),
    "imagenet.mobilenet": ("MobileNet",),
    "torchvision.models.resnet": ("BasicBlock", "Bottleneck"),
}
DECODERS = {
    "nnconv": "NNConv",
    "blconv": "BLConv",
    "shuffle": "ShuffleConv",
    "deconv": "DeConv",
    "upconv": "UpConv",
    "upproj": "UpProj",
}
OURS = {"UpProjection": ("models", "upproj"), "Unpool": ("models", "Unpool")}


class _Backend:
    """What modules of torch before 1.2 carried: written as a call of a function of torch's."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (sys.modules["torch.nn.backends.thnn"]._get_thnn_function_backend, ())


@contextmanager
def official_modules() -> Iterator[dict[str, types.ModuleType]]:
    """The modules that an official checkpoint names, importable inside the block only."""
    made: dict[str, types.ModuleType] = {}
    for name, classes in CLASSES.items():
        module = types.ModuleType(name)
        for class_name in classes:
            setattr(module, class_name, type(class_name, (nn.Module,), {"__module__": name}))
        made[name] = module
    made["metrics"] = types.ModuleType("metrics")
    made["metrics"].Result = type("Result", (), {"__module__": "metrics"})  # type: ignore[attr-defined]
    made["torch.nn.backends.thnn"] = types.ModuleType("torch.nn.backends.thnn")

    def backend() -> None:
        """Only its name is pickled."""

    backend.__module__ = "torch.nn.backends.thnn"
    backend.__name__ = backend.__qualname__ = "_get_thnn_function_backend"
    made["torch.nn.backends.thnn"]._get_thnn_function_backend = backend  # type: ignore[attr-defined]
    for name in [n for full in made for n in _parents(full)]:
        made.setdefault(name, types.ModuleType(name))
    before = {name: sys.modules.get(name) for name in made}
    sys.modules.update({name: m for name, m in made.items() if name != "torch.nn"})
    try:
        yield made
    finally:
        for name, module in before.items():
            if module is None:
                sys.modules.pop(name, None)
            else:
                sys.modules[name] = module


def as_official(network: nn.Module, class_name: str, decoder: str) -> nn.Module:
    """`network` as an instance of the official class, its parts of the official part classes."""
    modules = sys.modules
    whole: nn.Module = getattr(modules["models"], class_name)()
    for name, child in network.named_children():
        whole.add_module(name, _converted(child, decoder))
    whole.output_size = (224, 224)  # type: ignore[assignment]
    for module in whole.modules():
        module._backend = _Backend()  # type: ignore[assignment]
    return whole


def write_checkpoint(file: Path, model: Any, *, zipped: bool, **more: Any) -> None:
    """A dict as the official training loop saves it."""
    result = sys.modules["metrics"].Result()  # type: ignore[attr-defined]
    result.rmse, result.delta1, result.gpu_time = np.float64(0.6), np.float32(0.77), 0.01
    parameters = [nn.Parameter(torch.zeros(2))]
    optimizer = torch.optim.SGD(parameters, lr=0.01, momentum=0.9, weight_decay=1e-4)
    value = {
        "args": argparse.Namespace(arch="mobilenet-nnconv5dw-skipadd", lr=0.01, gpu=None),
        "epoch": 19,
        "arch": "mobilenet-nnconv5dw-skipadd",
        "model": model,
        "best_result": result,
        "optimizer": optimizer,
        **more,
    }
    save(file, value, zipped=zipped)


def save(file: Path, value: Any, *, zipped: bool) -> None:
    with warnings.catch_warnings():
        # The legacy format wants each class's source code, which these classes don't have.
        warnings.simplefilter("ignore", UserWarning)
        torch.save(value, file, _use_new_zipfile_serialization=zipped)


def _converted(module: nn.Module, decoder: str) -> nn.Module:
    name = type(module).__name__
    if name == "Decoder":
        family = next(kind for kind in DECODERS if decoder.startswith(kind))
        target: nn.Module = getattr(sys.modules["models"], DECODERS[family])()
    elif name == "ResidualBlock":
        kind = "Bottleneck" if hasattr(module, "conv3") else "BasicBlock"
        target = getattr(sys.modules["torchvision.models.resnet"], kind)()
    elif name in OURS:
        target = getattr(sys.modules[OURS[name][0]], OURS[name][1])()
    elif isinstance(module, nn.Sequential):
        target = nn.Sequential()
    else:
        return module
    if name == "Unpool":
        target.mask = torch.zeros(1, 1, 2, 2)  # type: ignore[assignment]
    for child_name, child in module.named_children():
        target.add_module(child_name, _converted(child, decoder))
    return target


def _parents(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:i]) for i in range(1, len(parts)) if parts[0] != "torch"]
