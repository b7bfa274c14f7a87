"""The packages that the zoo's networks come from, made importable on any machine and offline.

torchvision's wheel may be built for another torch than a CPU's: then its compiled operators don't
load, and its modules need to be told that they exist. Used before any of the packages is imported.
"""

from __future__ import annotations

import os
import tempfile
import warnings
from pathlib import Path

import torch

PINNED = (
    *("torch", "torchvision", "timm", "segmentation_models_pytorch", "monai", "ultralytics"),
    *("transformers", "torch-pruning"),
)
"""The distributions whose versions a result names."""

OPERATORS = ("nms", "qnms")
"""Of torchvision: what its modules expect to exist when they are imported."""

_LIBRARIES: list[torch.library.Library] = []
"""An operator lives as long as its library does."""


def prepare() -> None:
    """Make all packages importable, offline and quiet. Once a process, before their import."""
    os.environ.update(
        HF_HUB_OFFLINE="1",
        YOLO_OFFLINE="true",
        YOLO_VERBOSE="false",
        YOLO_CONFIG_DIR=str(Path(tempfile.gettempdir()) / "netadapt-zoo"),
        TRANSFORMERS_VERBOSITY="error",
    )
    warnings.simplefilter("ignore")
    if not _LIBRARIES and not hasattr(torch.ops.torchvision, "nms"):
        library = torch.library.Library("torchvision", "DEF")
        for name in OPERATORS:
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _LIBRARIES.append(library)
    import torchvision  # noqa: F401  (the operators must be there before it)
