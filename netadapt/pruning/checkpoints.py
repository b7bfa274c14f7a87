"""How a run's networks are known again: how each is rebuilt, and which weights were given."""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor, nn

from netadapt.networks.config import FactoryConfig


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


def weights_hash(model: nn.Module) -> str:
    """SHA-256 of all of a model's tensors, so that a run isn't resumed from other weights."""
    digest = hashlib.sha256()
    with torch.no_grad():
        for name, value in model.state_dict().items():
            digest.update(name.encode())
            digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
