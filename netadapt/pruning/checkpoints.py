"""How a run's networks are known again: how each is rebuilt, and which weights were given."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from netadapt.graph import LayerGraph
from netadapt.networks.build import describe
from netadapt.networks.config import FactoryConfig, ModelConfig

Describe = Callable[[nn.Module, LayerGraph], Mapping[str, Any]]
"""Gives the config from which a cut model is rebuilt before its weights are loaded."""


def factory_config(
    model: nn.Module, example_input: Tensor | tuple[Tensor, ...], factory: str | None
) -> FactoryConfig:
    """How a user's network is built: by `factory`, or by its class."""
    kind = type(model)
    inputs = (example_input,) if isinstance(example_input, Tensor) else example_input
    return FactoryConfig(
        factory or f"{kind.__module__}:{kind.__qualname__}",
        input_shapes=tuple(tuple(tensor.shape) for tensor in inputs),
    )


def describe_cut(model: nn.Module, graph: LayerGraph, config: ModelConfig) -> Mapping[str, Any]:
    """The config.json of a cut network: how to build it at the widths it has now."""
    widths = {group.name: group.width for group in graph.groups if not group.frozen}
    if isinstance(config, FactoryConfig):
        return replace(config, widths=widths).to_json()
    return describe(model, config).to_json()


def weights_hash(model: nn.Module) -> str:
    """SHA-256 of all of a model's tensors, so that a run isn't resumed from other weights."""
    digest = hashlib.sha256()
    with torch.no_grad():
        for name, value in model.state_dict().items():
            digest.update(name.encode())
            digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
