"""What all workers of a search are sent: the setup once, and what an iteration shares once each.

How it gets there, and what is an attempt's own, is for the executors to say.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from netadapt.pruning.attempts import Ground
from netadapt.pruning.executors.base import Workplace
from netadapt.pruning.executors.packing import device_of
from netadapt.pruning.executors.workbench import Setup, pack_ground


def _as_it_is(content: bytes) -> Any:
    return content


class SharedParts:
    """Packed once, however often it is asked for.

    `store` is given the bytes of each ground; what it gives stands for them.
    """

    def __init__(self, store: Callable[[bytes], Any] = _as_it_is) -> None:
        self._store = store
        self._place: Workplace | None = None
        self._setup: Setup | None = None
        self._of: Ground | None = None
        self.device = torch.device("cpu")
        """Where the search's own process computes."""
        self.ground: Any = None
        """What stands for the present ground."""
        self.version = 0
        """The number of the present ground, from 1; 0 before the first."""

    def setup(self, place: Workplace) -> Setup:
        """What a search shares. Raises InputError for a task or a network that can't be sent."""
        if self._setup is None or self._place is not place:
            self.device = device_of(place.model)
            self._place, self._setup = place, Setup.of(place)
        return self._setup

    def lay(self, ground: Ground) -> None:
        """Have `ground` packed and stored, unless it is the present one."""
        if self._of is not ground:
            self.ground = self._store(pack_ground(ground))
            self._of = ground
            self.version += 1

    def drop(self) -> None:
        """Hold nothing any more."""
        self._place = self._setup = self._of = self.ground = None
