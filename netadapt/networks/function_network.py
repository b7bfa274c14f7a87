"""A network that a user's function makes, known by a name of its own.

It differs from a factory in its config.json alone, which names the network, not the function: so
the function may move. Registering is `registry.py`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import nn

from netadapt.errors import ModelError
from netadapt.networks.config import INPUT_SHAPES, FactoryConfig, Shapes
from netadapt.networks.config_fields import refuse_unknown, shapes_field, widths_field
from netadapt.networks.recutting import checked_network
from netadapt.users_code import users_code

MakeNetwork = Callable[[], nn.Module]


@dataclass(frozen=True)
class RegisteredConfig(FactoryConfig):
    """As `FactoryConfig`, where `factory` is a registered name and `make` its function."""

    make: MakeNetwork | None = field(default=None, compare=False, repr=False)

    def to_json(self) -> dict[str, Any]:
        described = super().to_json()
        return {"network": described.pop("factory"), **described}

    def whole(self) -> nn.Module:
        assert self.make is not None  # the family, which alone makes these, gave it
        with users_code(f"the network {self.name}", ModelError):
            made = self.make()
        return checked_network(made, f"the network {self.name}")


@dataclass(frozen=True)
class FunctionFamily:
    """The family of one function: one name, and weights as the function gives them."""

    name: str
    make: MakeNetwork
    input_shapes: Shapes = INPUT_SHAPES

    @property
    def expected(self) -> str:
        return self.name

    def config(self, name: str) -> RegisteredConfig | None:
        if name != self.name:
            return None
        return RegisteredConfig(name, input_shapes=self.input_shapes, make=self.make)

    def read_config(self, value: Mapping[str, Any], where: str) -> RegisteredConfig:
        refuse_unknown(value, {"network", "widths", "input_shapes"}, where)
        return RegisteredConfig(
            self.name,
            widths=widths_field(value, where),
            input_shapes=shapes_field(value, where, self.input_shapes),
            make=self.make,
        )

    def default_weights(self, name: str) -> None:
        return None

    def import_checkpoint(self, file: Path) -> None:
        return None
