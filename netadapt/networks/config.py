"""What a model folder's config.json says, enough to build a network that the weights beside it fit.

`ModelConfig` is the protocol that every kind of network has a class of. `FactoryConfig` is here: a
user's own network, by the function that makes it. The others come with their `NetworkFamily`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, runtime_checkable

from torch import nn

from netadapt.networks.config_fields import (
    Number,
    numbers_field,
    refuse_unknown,
    shapes_field,
    text_field,
    widths_field,
)
from netadapt.networks.recutting import call_factory, cut_to_widths, set_numbers
from netadapt.networks.trusted_functions import name_function, require_trusted

BATCH_NORMS = ("trained", "folded", "restored")
"""Batch norm as it was trained; folded away, an identity plus bias that must get statistics before
training; or folded once and restored."""

Shapes = tuple[tuple[int, ...], ...]

INPUT_SHAPES: Shapes = ((1, 3, 224, 224),)
"""The inputs of a network that doesn't say."""


@runtime_checkable
class ModelConfig(Protocol):
    """How one network is built: immutable, and the same after a way through JSON.

    A family makes it from a name or from a config.json. `build` gives a network with fresh weights,
    and those of the folder are loaded into it. After a cut, `read_off` describes what is left, and
    `to_json` is written beside its weights. All sizes are in channels or pixels, shapes at batch 1.

        @dataclass(frozen=True)
        class Dense:
            width: int = 64
            name, input_shapes, batch_norm = "dense", ((1, 8),), "trained"
            widths = property(lambda self: {"hidden": self.width})
            to_json = lambda self: {"network": "dense", "width": self.width}
            build = lambda self: nn.Sequential(nn.Linear(8, self.width), nn.Linear(self.width, 2))
            read_off = lambda self, model, groups=None: Dense(model[0].out_features)
            complete = lambda self: self
            with_batch_norm = with_input_size = with_input_shapes = lambda self, _: self
    """

    @property
    def name(self) -> str:
        """What the network is called, in words to the user too."""
        ...

    @property
    def input_shapes(self) -> Shapes:
        """Shapes of the network's inputs at batch 1."""
        ...

    @property
    def widths(self) -> Mapping[str, int]:
        """Output channels by the name of a layer or channel group; those left out are full."""
        ...

    @property
    def batch_norm(self) -> str | None:
        """One of `BATCH_NORMS`; None where only the weights tell."""
        ...

    def to_json(self) -> dict[str, Any]:
        """The config.json, with 'network' (the family's name) or 'factory'."""
        ...

    def build(self) -> nn.Module:
        """The network with freshly drawn weights. Raises ModelError where the widths don't fit."""
        ...

    def complete(self) -> ModelConfig:
        """The same with every width that is known without building written out."""
        ...

    def read_off(self, model: nn.Module, groups: Mapping[str, int] | None = None) -> ModelConfig:
        """The config of `model`, which was cut from this one's network.

        `groups` are the widths of its graph's channel groups, where there is a graph. Raises
        ModelError where `model` is another network.
        """
        ...

    def with_batch_norm(self, batch_norm: str) -> ModelConfig:
        """The same network with its batch norm in another of the `BATCH_NORMS`."""
        ...

    def with_input_size(self, size: tuple[int, int]) -> ModelConfig:
        """The same network for images of (height, width). Raises ModelError if it can't be."""
        ...

    def with_input_shapes(self, shapes: Shapes) -> ModelConfig:
        """The same network for inputs of these shapes. Raises ModelError if it can't be."""
        ...


@dataclass(frozen=True)
class FactoryConfig:
    """A user's network: `factory` ('package.module:function') builds it, `widths` re-cuts it.

    `widths` gives the channels left of each channel group that was cut, by the group's name in
    the graph of the network as the factory builds it. `input_shapes` are the inputs it is traced
    with, at batch 1. `numbers` are sizes that modules hold in attributes and that the cut changed,
    by 'module.attribute': whole numbers, or lists of them.
    """

    factory: str
    widths: Mapping[str, int] = field(default_factory=dict)
    input_shapes: Shapes = INPUT_SHAPES
    numbers: Mapping[str, Number] = field(default_factory=dict)
    asked_by: str = field(default="", compare=False, repr=False)
    """The file of a folder that names the factory; '' where the user does."""

    @classmethod
    def from_json(cls, value: Mapping[str, object], where: str) -> FactoryConfig:
        """Read what `to_json` wrote. Raises ModelError naming `where`, the key and the fault."""
        refuse_unknown(value, {"factory", "widths", "input_shapes", "numbers"}, where)
        return cls(
            factory=text_field(value, "factory", where),
            widths=widths_field(value, where),
            input_shapes=shapes_field(value, where, INPUT_SHAPES),
            numbers=numbers_field(value, where),
        )

    @property
    def name(self) -> str:
        return self.factory

    @property
    def batch_norm(self) -> str | None:
        return None

    def to_json(self) -> dict[str, Any]:
        numbers = {"numbers": dict(self.numbers)} if self.numbers else {}
        return {
            "factory": self.factory,
            "widths": dict(self.widths),
            "input_shapes": [list(shape) for shape in self.input_shapes],
            **numbers,
        }

    def build(self) -> nn.Module:
        small = cut_to_widths(self.whole(), self.widths, self.input_shapes, self.name)
        return set_numbers(small, self.numbers, self.name) if self.widths else small

    def whole(self) -> nn.Module:
        """The network as the function makes it, before any cut.

        Raises ModelError for a function that a folder names and the user neither names nor trusts.
        """
        if self.asked_by:
            require_trusted(self.factory, self.asked_by)
        return call_factory(self.factory)

    def made_by(self, factory: str) -> FactoryConfig:
        """The same network made by another function, which the user names."""
        return replace(self, factory=name_function(factory), asked_by="")

    def complete(self) -> FactoryConfig:
        return self

    def read_off(self, model: nn.Module, groups: Mapping[str, int] | None = None) -> FactoryConfig:
        return self if groups is None else replace(self, widths=dict(groups))

    def with_batch_norm(self, batch_norm: str) -> FactoryConfig:
        return self

    def with_input_size(self, size: tuple[int, int]) -> FactoryConfig:
        return replace(self, input_shapes=tuple((*shape[:2], *size) for shape in self.input_shapes))

    def with_input_shapes(self, shapes: Shapes) -> FactoryConfig:
        return replace(self, input_shapes=shapes)


def factory_config(
    model: nn.Module, input_shapes: Shapes, factory: str | None = None
) -> FactoryConfig:
    """How a user's network is built again: by `factory`, or by its class without arguments."""
    kind = type(model)
    named = name_function(factory or f"{kind.__module__}:{kind.__qualname__}")
    return FactoryConfig(named, input_shapes=input_shapes)
