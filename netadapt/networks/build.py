"""From a config to a network, and from a network's weights back to its widths.

`build` makes a network with freshly drawn weights; `read_widths` reads the widths off a state
dict, so that a network that was cut is described without keeping books. Files are `store.py`'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from netadapt.depth.fastdepth import decoders, mobilenet, resnet
from netadapt.depth.fastdepth.decoders import DecoderKind, WidthSource
from netadapt.depth.fastdepth.variants import ENCODERS, SKIPS, named_config
from netadapt.errors import ModelError
from netadapt.networks.config import (
    FactoryConfig,
    ModelConfig,
    NetworkConfig,
    config_from_json,
)
from netadapt.networks.named_functions import call_named


def build(config: ModelConfig | Mapping[str, Any] | str) -> nn.Module:
    """The network that `config` (or its JSON form, or a name) describes, with random weights.

    A factory's network is built by calling the factory and cut to the config's widths. Raises
    ModelError when the config names what doesn't exist or its widths don't go together.
    """
    if isinstance(config, str):
        config = named_config(config)
    elif not isinstance(config, NetworkConfig | FactoryConfig):
        config = config_from_json(config)
    if isinstance(config, FactoryConfig):
        return _build_factory(config)
    config = complete(config)
    if config.encoder == "mobilenet":
        if config.skip == "none":
            return mobilenet.MobileNetDepth(config.widths, config.decoder)
        return mobilenet.FastDepth(config.widths, config.decoder, config.skip)
    if config.skip == "none":
        return resnet.ResNetDepth(config.encoder, config.widths, config.decoder)
    return resnet.ResNetSkipDepth(config.encoder, config.widths, config.decoder, config.skip)


def complete(config: NetworkConfig) -> NetworkConfig:
    """The same config with every width written out.

    Raises ModelError for an unknown encoder, decoder, skip or layer name.
    """
    if config.encoder not in ENCODERS:
        raise ModelError(f"encoder is '{config.encoder}', expected {', '.join(ENCODERS)}")
    if config.skip not in SKIPS:
        raise ModelError(f"skip is '{config.skip}', expected {', '.join(SKIPS)}")
    kind = DecoderKind.parse(config.decoder)
    if config.encoder == "mobilenet":
        full = mobilenet.encoder_full_widths()
    else:
        full = resnet.encoder_full_widths(config.encoder)
    full |= decoders.full_widths(kind)
    unknown = [name for name in config.widths if name not in full]
    if unknown:
        raise ModelError(
            f"{config.name} has no layer '{unknown[0]}'; its widths are named "
            f"{', '.join(list(full)[:3])} … {list(full)[-1]}"
        )
    return replace(config, widths={name: config.widths.get(name, full[name]) for name in full})


def width_sources(config: NetworkConfig) -> dict[str, WidthSource]:
    """For each width of `config`, the state-dict key and axis that show it."""
    if config.encoder == "mobilenet":
        return mobilenet.width_sources(config.decoder, config.skip)
    return resnet.width_sources(config.encoder, config.decoder, config.skip)


def read_widths(config: NetworkConfig, shapes: Mapping[str, Sequence[int]]) -> NetworkConfig:
    """`config` with the widths that the shapes of a state dict's tensors show.

    Raises ModelError when a weight that shows a width is missing or has no such axis.
    """
    widths: dict[str, int] = {}
    for name, (key, axis) in width_sources(config).items():
        shape = shapes.get(key)
        if shape is None or len(shape) != 4:
            found = "is missing" if shape is None else f"has shape {list(shape)}"
            raise ModelError(
                f"{key} {found}, expected a convolution's weight: these weights are not of "
                f"{config.name}"
            )
        widths[name] = int(shape[axis])
    return replace(config, widths=widths)


def describe(model: nn.Module, config: ModelConfig) -> ModelConfig:
    """`config` with the widths that `model` really has; a factory's config stays as it is."""
    if isinstance(config, FactoryConfig):
        return config
    shapes = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    return read_widths(config, shapes)


def call_factory(factory: str) -> nn.Module:
    """The network that 'package.module:function' returns.

    Raises ModelError when there is no such module or function, when it fails, or returns
    something else.
    """
    model = call_named(factory, "factory", ModelError)
    if not isinstance(model, nn.Module):
        raise ModelError(f"{factory}() returned {type(model).__name__}, expected a torch.nn.Module")
    return model


def _build_factory(config: FactoryConfig) -> nn.Module:
    model = call_factory(config.factory)
    if not config.widths:
        return model
    from netadapt.graph import cut, trace

    inputs = tuple(torch.zeros(shape) for shape in config.input_shapes)
    # It was traced and checked when it was cut: no trial cut is needed.
    graph = trace(model, inputs[0] if len(inputs) == 1 else inputs, verify=False)
    full = {group.name: group.width for group in graph.groups}
    for name, width in config.widths.items():
        if name not in full:
            raise ModelError(
                f"{config.factory} has no channel group '{name}': the function builds another "
                f"network than when it was cut"
            )
        if width > full[name]:
            raise ModelError(
                f"width {name} is {width}, but {config.factory} builds only {full[name]} channels"
            )
    # Which channels were kept is in the weights, loaded later; only the count matters here.
    keep = {name: list(range(width)) for name, width in config.widths.items()}
    return cut(model, graph, keep=keep)
