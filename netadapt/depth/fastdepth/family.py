"""FastDepth as the registry of networks finds it: names, config, shipped weights, checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from netadapt.depth.fastdepth.checkpoint import import_weights
from netadapt.depth.fastdepth.config import FastDepthConfig
from netadapt.depth.fastdepth.variants import NAMED, variant_config
from netadapt.errors import WeightsError

DEFAULT_WEIGHTS = {"fastdepth": "fastdepth"}
"""The shipped weights of a network that is given by its bare name."""


class FastDepthFamily:
    """FastDepth, its published pruned form and all published variants."""

    expected = (
        f"{', '.join(NAMED)}, or a variant such as mobilenet-nnconv5dw-skipadd or resnet18-upproj"
    )

    def config(self, name: str) -> FastDepthConfig | None:
        return variant_config(name)

    def read_config(self, value: Mapping[str, Any], where: str) -> FastDepthConfig:
        return FastDepthConfig.from_json(value, where)

    def default_weights(self, name: str) -> str:
        if name not in DEFAULT_WEIGHTS:
            raise WeightsError(
                f"there are no shipped weights for {name}; train it with 'netadapt train --model "
                f"{name}' or give --weights"
            )
        return DEFAULT_WEIGHTS[name]

    def import_checkpoint(self, file: Path) -> tuple[nn.Module, FastDepthConfig]:
        return import_weights(file)


FAMILY = FastDepthFamily()
"""What the entry point of the group 'netadapt.networks' names."""
