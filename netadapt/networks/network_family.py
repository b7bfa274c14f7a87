"""The protocol of what `NETWORKS` holds: networks that share names, a config and weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from torch import nn

from netadapt.networks.config import ModelConfig


@runtime_checkable
class NetworkFamily(Protocol):
    """Networks under one registered name, which stands as 'network' in their config.json.

    `config` is asked when a user gives a bare name, `read_config` when a model folder is opened,
    `default_weights` when a name comes without weights, `import_checkpoint` when a file of another
    program comes in. None of them keeps anything between calls. A family of one network:

        class DenseFamily:
            expected = "dense"
            config = lambda self, name: Dense() if name == "dense" else None
            read_config = lambda self, value, where: Dense(value.get("width", 64))
            default_weights = lambda self, name: None
            import_checkpoint = lambda self, file: None

        NETWORKS.register("dense", DenseFamily())
    """

    @property
    def expected(self) -> str:
        """The bare names it knows, in words: what an error says where a name is unknown."""
        ...

    def config(self, name: str) -> ModelConfig | None:
        """The config of a bare name; None for a name that isn't of this family."""
        ...

    def read_config(self, value: Mapping[str, Any], where: str) -> ModelConfig:
        """What a config's `to_json` wrote. Raises ModelError naming `where`, key and fault."""
        ...

    def default_weights(self, name: str) -> str | None:
        """The shipped model that a bare name means; None: what `build` gives is used as it is.

        Raises WeightsError where weights must be given.
        """
        ...

    def import_checkpoint(self, file: Path) -> tuple[nn.Module, ModelConfig] | None:
        """The network in a file that another program wrote, in evaluation mode, and its config.

        None for a family that reads no such files; WeightsError where it can't read this one.
        """
        ...
