"""What a user may give as a network: a name, a factory, a model folder or a checkpoint file.

One place decides it, so that every command takes the same things.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import torch
from torch import Tensor, nn

from netadapt.errors import ModelError, WeightsError
from netadapt.graph import LayerGraph, trace
from netadapt.networks.build import built_for_use
from netadapt.networks.checkpoint_tensors import checkpoint_place, checkpoint_tensors
from netadapt.networks.config import FactoryConfig, ModelConfig, Shapes
from netadapt.networks.config_fields import require_inputs_fit
from netadapt.networks.network_family import NetworkFamily
from netadapt.networks.registry import find_network, names_network
from netadapt.networks.store import (
    CONFIG_NAME,
    fit_weights,
    load_model,
    read_config,
    shipped_models,
)
from netadapt.networks.trusted_functions import name_function


def open_network(
    model: str,
    weights: str | None = None,
    input_size: tuple[int, int] | None = None,
    input_shapes: Shapes | None = None,
) -> tuple[nn.Module, ModelConfig]:
    """A network with its weights, in evaluation mode, and the config that rebuilds it.

    `model` is a name (`fastdepth`, a variant, a registered one), a model's or run's folder, a
    shipped model, or `package.module:function`. `weights` is a model or run folder, a shipped
    model, a checkpoint that the network's family reads (official .pth.tar, folded .npz), or the
    state dict of the network as it is built (.safetensors, .pth); a bare name without them takes
    the shipped ones. `input_size` (height, width) or `input_shapes` (at batch 1; of a network of
    the user's own only) replace the inputs that the network's config names. Raises ModelError or
    WeightsError.
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
            network, config = built_for_use(wanted), wanted
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
    return built_for_use(config), config


def trace_network(
    model: str,
    input_size: tuple[int, int] | None = None,
    input_shapes: Shapes | None = None,
) -> tuple[nn.Module, tuple[Tensor, ...], LayerGraph]:
    """The network of `build_network`, an example of its inputs (zeros) and its trace."""
    network, config = build_network(model, input_size, input_shapes)
    example = tuple(torch.zeros(shape) for shape in config.input_shapes)
    return network, example, trace(network, example)


def with_inputs(
    config: ModelConfig, size: tuple[int, int] | None, shapes: Shapes | None = None
) -> ModelConfig:
    """`config` with inputs of this size (height, width) or these shapes; None leaves them.

    Raises ModelError when both are given or the network can't take them.
    """
    if size is not None and shapes is not None:
        raise ModelError("--input-size and --input-shape exclude each other")
    if size is not None:
        config = config.with_input_size(size)
    elif shapes is not None:
        config = config.with_input_shapes(shapes)
    require_inputs_fit(config.input_shapes, config.name)
    return config


def _is_stored(model: str) -> bool:
    """Whether `model` is a place, or a model that ships, and not a network to be built.

    A network may have the name of the shipped model that it has its weights from.
    """
    with suppress(OSError, ValueError):  # a name that no file can have
        if Path(model).exists():
            return True
    return model in shipped_models() and not names_network(model)


def _find(model: str) -> tuple[NetworkFamily | None, ModelConfig]:
    """Who knows the bare name `model`, nobody for a factory, and its config."""
    if ":" in model:
        return None, FactoryConfig(name_function(model))
    return find_network(model, tried=f" and there is no model at {model}")


def _open_weights(
    weights: str, family: NetworkFamily | None, wanted: ModelConfig
) -> tuple[nn.Module, ModelConfig]:
    """The network that `weights` hold, which must be the `wanted` one."""
    place = Path(weights)
    of_a_folder = place.suffix == ".safetensors" and (place.parent / CONFIG_NAME).is_file()
    if not checkpoint_place(place)[0].is_file() or of_a_folder:
        network, config = load_model(weights), read_config(weights)
    else:
        network, config = _open_file(place, family, wanted)
    if config.name != wanted.name:
        raise WeightsError(f"{weights} holds {config.name}, not {wanted.name}")
    return network, config


def _open_file(
    file: Path, family: NetworkFamily | None, wanted: ModelConfig
) -> tuple[nn.Module, ModelConfig]:
    """The network in a checkpoint: as its family reads it, or the `wanted` one as it is built."""
    found = None if family is None else family.import_checkpoint(file)
    if found is not None:
        return found
    tensors, _ = checkpoint_tensors(file)
    network = built_for_use(wanted)
    fit_weights(network, tensors, str(file))
    return network, wanted
