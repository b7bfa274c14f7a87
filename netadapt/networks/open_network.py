"""What a user may give as a network: a name, a factory, a model folder or a checkpoint file.

One place decides it, so that every command takes the same things.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from torch import nn

from netadapt.depth.fastdepth.checkpoint import import_weights
from netadapt.depth.fastdepth.variants import named_config
from netadapt.errors import ModelError, WeightsError
from netadapt.networks.build import build
from netadapt.networks.config import FactoryConfig, ModelConfig
from netadapt.networks.store import (
    find_model,
    load_model,
    load_weights,
    read_config,
    shipped_models,
)

Shapes = tuple[tuple[int, ...], ...]

DEFAULT_WEIGHTS = {"fastdepth": "fastdepth-rooms"}
"""The shipped weights of a network that is given by its bare name."""


def open_network(
    model: str,
    weights: str | None = None,
    input_size: tuple[int, int] | None = None,
    input_shapes: Shapes | None = None,
) -> tuple[nn.Module, ModelConfig]:
    """A network with its weights, in evaluation mode, and the config that rebuilds it.

    `model` is a name (`fastdepth`, a variant), a model's or run's folder, a shipped model, or
    `package.module:function`. `weights` is a model or run folder, a shipped model, an official
    checkpoint (.pth.tar), folded weights (.npz), or for a factory a .safetensors file; `fastdepth`
    alone takes the shipped ones. `input_size` (height, width) or `input_shapes` (at batch 1; of
    a network of the user's own only) replace the inputs that the network's config names. Raises
    ModelError or WeightsError.
    """
    if ":" in model:
        network, config = _open_factory(model, weights)
    elif Path(model).is_dir() or model in shipped_models():
        if weights is not None:
            raise ModelError(
                f"{model} is a model with weights of its own; give --weights with a network's "
                f"name, as --model fastdepth"
            )
        network, config = load_model(model), read_config(model)
    else:
        wanted = named_config(model)
        weights = weights or DEFAULT_WEIGHTS.get(model)
        if weights is None:
            raise WeightsError(
                f"there are no shipped weights for {model}; train it with 'netadapt train --model "
                f"{model}' or give --weights"
            )
        network, config = _open_weights(weights)
        if isinstance(config, FactoryConfig) or config.name != wanted.name:
            raise WeightsError(f"{weights} holds {config.name}, not {wanted.name}")
    return network, with_inputs(config, input_size, input_shapes)


def build_network(
    model: str,
    input_size: tuple[int, int] | None = None,
    input_shapes: Shapes | None = None,
) -> tuple[nn.Module, ModelConfig]:
    """The same network where its weights don't matter: a bare name is built without any."""
    if ":" in model or Path(model).is_dir() or model in shipped_models():
        return open_network(model, None, input_size, input_shapes)
    config = with_inputs(named_config(model), input_size, input_shapes)
    return build(config).eval(), config


def with_inputs(
    config: ModelConfig, size: tuple[int, int] | None, shapes: Shapes | None = None
) -> ModelConfig:
    """`config` with inputs of this size (height, width) or these shapes; None leaves them.

    Raises ModelError when both are given or the network can't take them.
    """
    if size is not None and shapes is not None:
        raise ModelError("--input-size and --input-shape exclude each other")
    if isinstance(config, FactoryConfig):
        if size is not None:
            shapes = tuple((*shape[:2], *size) for shape in config.input_shapes)
        return config if shapes is None else replace(config, input_shapes=shapes)
    if shapes is not None:
        raise ModelError(
            f"{config.name} takes one image of 3 channels; give its size with --input-size HxW"
        )
    return config if size is None else replace(config, input_size=_multiple_of_32(size))


def _open_weights(weights: str) -> tuple[nn.Module, ModelConfig]:
    place = Path(weights)
    if place.is_file() and place.suffix != ".safetensors":
        return import_weights(place)
    return load_model(weights), read_config(weights)


def _open_factory(factory: str, weights: str | None) -> tuple[nn.Module, ModelConfig]:
    if weights is not None and not weights.endswith(".safetensors"):
        folder = find_model(weights)
        config = read_config(folder)
        if not isinstance(config, FactoryConfig) or config.factory != factory:
            raise WeightsError(f"{folder} holds {config.name}, not {factory}")
        return load_model(folder), config
    config = FactoryConfig(factory)
    network = build(config).eval()
    if weights is not None:
        load_weights(network, Path(weights))
    return network, config


def _multiple_of_32(size: tuple[int, int]) -> tuple[int, int]:
    if size[0] % 32 or size[1] % 32 or min(size) < 32:
        raise ModelError(
            f"the input size is {size[0]}x{size[1]}; this network halves it five times, so both "
            f"must be multiples of 32 pixels"
        )
    return size
