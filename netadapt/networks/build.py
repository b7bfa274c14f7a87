"""From a config, its JSON or a name to a network, and from a cut network back to its config.

What that takes is the config's affair, and whose config it is the registry's; files are
`store.py`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from torch import nn

from netadapt.errors import ModelError
from netadapt.networks.config import FactoryConfig, ModelConfig
from netadapt.networks.recutting import numbers_held
from netadapt.networks.registry import config_from_json, named_config
from netadapt.networks.trusted_functions import name_function
from netadapt.users_code import users_code

if TYPE_CHECKING:
    from netadapt.graph import LayerGraph


def build(config: ModelConfig | Mapping[str, Any] | str) -> nn.Module:
    """The network that `config` (or its JSON form, or a name) describes, with random weights.

    A factory's network is built by calling the factory and cut to the config's widths. Raises
    ModelError when the config names what doesn't exist or its widths don't go together.
    """
    wanted = as_config(config)
    with users_code(f"building {wanted.name}", ModelError):
        return wanted.build()


def built_for_use(config: ModelConfig) -> nn.Module:
    """The same in evaluation mode, as a network is opened."""
    with users_code(f"building {config.name}", ModelError):
        return build(config).eval()


def as_config(config: ModelConfig | Mapping[str, Any] | str) -> ModelConfig:
    """The config that a name or a config's JSON form means; a config is one already.

    A function that one names which no folder gave is the caller's own, so a folder may ask for it.
    """
    if isinstance(config, str):
        return named_config(config)
    found = config if isinstance(config, ModelConfig) else config_from_json(config)
    if isinstance(found, FactoryConfig) and not found.asked_by:
        name_function(found.factory)
    return found


def describe(model: nn.Module, config: ModelConfig, graph: LayerGraph | None = None) -> ModelConfig:
    """`config` with the widths that `model` really has.

    A factory's network shows them in its `graph` alone; without one its config stays as it is.
    """
    if graph is None:
        return config.read_off(model)
    described = config.read_off(model, graph.unproved_widths)
    if isinstance(described, FactoryConfig):
        return replace(described, numbers=numbers_held(model, graph.followed_numbers))
    return described
