"""The networks that have names, and who knows them: one registry of families.

FastDepth is found here as any other package's networks are, by an entry point of the group
'netadapt.networks'. A user's function comes in by `register_network`, beside its own code. This
alone decides between families; what they hold is built and stored elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TypeVar

from torch import nn

from netadapt.errors import ModelError, WeightsError
from netadapt.networks.config import INPUT_SHAPES, FactoryConfig, ModelConfig
from netadapt.networks.config_fields import shapes_field
from netadapt.networks.function_network import FunctionFamily, MakeNetwork
from netadapt.networks.network_family import NetworkFamily
from netadapt.registry import Registry

NETWORKS: Registry[NetworkFamily | MakeNetwork] = Registry(
    "network", group="netadapt.networks", error=ModelError
)
"""Families by name; an entry point may also name a function that makes a network."""

Make = TypeVar("Make", bound=MakeNetwork)


def register_network(
    name: str, input_shapes: Sequence[Sequence[int]] = INPUT_SHAPES
) -> Callable[[Make], Make]:
    """Give a function that makes a network a name, for `--model NAME`, `build` and config.json.

    `input_shapes` are those of its inputs at batch 1. A model saved under the name is loaded again
    by any process that imports the module, or finds it by an entry point of the group
    'netadapt.networks'. Raises ModelError for a name that is taken.

        @netadapt.register_network("tiny", input_shapes=[(1, 1, 28, 28)])
        def tiny() -> nn.Module:
            return nn.Sequential(nn.Conv2d(1, 16, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(10))
    """
    if not isinstance(name, str) or not name or ":" in name or "/" in name:
        raise ModelError(
            f"a network can't be called {name!r}; write @register_network('name'), a name without "
            f": or /"
        )
    where = f"register_network('{name}')"
    shapes = shapes_field({"input_shapes": input_shapes}, where, INPUT_SHAPES)

    def register(make: Make) -> Make:
        family = FunctionFamily(name, make, shapes)
        NETWORKS.register(name, family, module=make.__module__)
        return make

    return register


def named_config(name: str) -> ModelConfig:
    """The config of a bare name. Raises ModelError, listing what is known, for any other."""
    return find_network(name)[1]


def find_network(name: str, tried: str = "") -> tuple[NetworkFamily, ModelConfig]:
    """The family that knows a bare name, and the config that it has for it.

    Raises ModelError, which adds what else was `tried`, where no family does.
    """
    found = _known(name)
    if found is not None:
        return found
    known = "; ".join(family.expected for family in _families())
    raise ModelError(f"no network is named '{name}'{tried}; expected {known or 'package:function'}")


def names_network(name: str) -> bool:
    """Whether some family knows the bare name."""
    return _known(name) is not None


def config_from_json(value: object, where: str = "config") -> ModelConfig:
    """Read what a config's `to_json` wrote.

    Raises ModelError naming `where`, the key and what's expected.
    """
    if not isinstance(value, dict):
        raise ModelError(f"{where}: expected a JSON object with 'network' or 'factory'")
    if "factory" in value:
        return FactoryConfig.from_json(value, where)
    name = value.get("network")
    if not isinstance(name, str) or name not in NETWORKS:
        raise ModelError(
            f"{where}: network is {name!r}, expected one of {', '.join(NETWORKS.names())} (or a "
            f"'factory' written package.module:function); a network of your own must be imported "
            f"first, where register_network names it"
        )
    return _family(name).read_config(value, where)


def import_checkpoint(file: Path) -> tuple[nn.Module, ModelConfig]:
    """The network in a checkpoint of another program, from the first family that recognises it.

    Raises WeightsError, that of the first one that tried, where none does.
    """
    refused: WeightsError | None = None
    for family in _families():
        try:
            found = family.import_checkpoint(file)
        except WeightsError as error:
            refused = refused or error
            continue
        if found is not None:
            return found
    raise refused or WeightsError(f"no network that is known here reads {file}")


def _known(name: str) -> tuple[NetworkFamily, ModelConfig] | None:
    own = [_family(name)] if name in NETWORKS else []
    for family in chain(own, _families()):
        config = family.config(name)
        if config is not None:
            return family, config
    return None


def _families() -> Iterator[NetworkFamily]:
    return map(_family, NETWORKS.names())


def _family(name: str) -> NetworkFamily:
    found = NETWORKS[name]
    if isinstance(found, NetworkFamily):
        return found
    if callable(found):
        return FunctionFamily(name, found)
    raise ModelError(
        f"what is registered as the network {name} is a {type(found).__name__}, which lacks a "
        f"member of NetworkFamily and isn't a function; see netadapt.networks.network_family"
    )
