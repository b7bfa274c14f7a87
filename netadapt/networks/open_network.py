"""What a user may give as a network: a name, a factory, a model folder or a checkpoint file.

One place decides it, so that every command takes the same things.
"""

from __future__ import annotations

from pathlib import Path

from torch import nn

from netadapt.errors import ModelError, WeightsError
from netadapt.networks.build import build
from netadapt.networks.config import FactoryConfig, ModelConfig, Shapes
from netadapt.networks.network_family import NetworkFamily
from netadapt.networks.registry import find_network
from netadapt.networks.store import (
    CONFIG_NAME,
    load_model,
    load_weights,
    read_config,
    shipped_models,
)

__all__ = ["Shapes", "build_network", "open_network", "with_inputs"]


def open_network(
    model: str,
    weights: str | None = None,
    input_size: tuple[int, int] | None = None,
    input_shapes: Shapes | None = None,
) -> tuple[nn.Module, ModelConfig]:
    """A network with its weights, in evaluation mode, and the config that rebuilds it.

    `model` is a name (`fastdepth`, a variant, a registered one), a model's or run's folder, a
    shipped model, or `package.module:function`. `weights` is a model or run folder, a shipped
    model, a checkpoint that the network's family reads (official .pth.tar, folded .npz), or a
    .safetensors file of the network as it is built; a bare name without them takes the shipped
    ones. `input_size` (height, width) or `input_shapes` (at batch 1; of a network of the user's own
    only) replace the inputs that the network's config names. Raises ModelError or WeightsError.
    """
    if _is_stored(model):
        if weights is not None:
            raise ModelError(
                f"{model} is a model with weights of its own; give --weights with a network's "
                f"name, as --model fastdepth"
            )
        network, config = load_model(model), read_config(model)
    else:
        family, wanted = _find(model)
        if weights is None and family is not None:
            weights = family.default_weights(model)
        if weights is None:
            network, config = build(wanted).eval(), wanted
        else:
            network, config = _open_weights(weights, family, wanted)
    return network, with_inputs(config, input_size, input_shapes)


def build_network(
    model: str,
    input_size: tuple[int, int] | None = None,
    input_shapes: Shapes | None = None,
) -> tuple[nn.Module, ModelConfig]:
    """The same network where its weights don't matter: a bare name is built without any."""
    if _is_stored(model):
        return open_network(model, None, input_size, input_shapes)
    _, wanted = _find(model)
    config = with_inputs(wanted, input_size, input_shapes)
    return build(config).eval(), config


def with_inputs(
    config: ModelConfig, size: tuple[int, int] | None, shapes: Shapes | None = None
) -> ModelConfig:
    """`config` with inputs of this size (height, width) or these shapes; None leaves them.

    Raises ModelError when both are given or the network can't take them.
    """
    if size is not None and shapes is not None:
        raise ModelError("--input-size and --input-shape exclude each other")
    if size is not None:
        return config.with_input_size(size)
    return config if shapes is None else config.with_input_shapes(shapes)


def _is_stored(model: str) -> bool:
    """Whether `model` is a place, or a model that ships, and not a network to be built."""
    return Path(model).exists() or model in shipped_models()


def _find(model: str) -> tuple[NetworkFamily | None, ModelConfig]:
    """Who knows the bare name `model`, nobody for a factory, and its config."""
    if ":" in model:
        return None, FactoryConfig(model)
    return find_network(model, tried=f" and there is no model at {model}")


def _open_weights(
    weights: str, family: NetworkFamily | None, wanted: ModelConfig
) -> tuple[nn.Module, ModelConfig]:
    """The network that `weights` hold, which must be the `wanted` one."""
    place = Path(weights)
    found = None
    if place.is_file() and place.suffix == ".safetensors":
        if not (place.parent / CONFIG_NAME).is_file():  # else a model folder's
            network = build(wanted).eval()
            load_weights(network, place)
            return network, wanted
    elif place.is_file() and family is not None:
        found = family.import_checkpoint(place)
    network, config = found or (load_model(weights), read_config(weights))
    if config.name != wanted.name:
        raise WeightsError(f"{weights} holds {config.name}, not {wanted.name}")
    return network, config
