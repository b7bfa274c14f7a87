"""The plain numbers that a network's code multiplies and divides by, in the order it does.

Code like `scores / sqrt(head_size)` takes another number in a cut network, which is its right: as
fused attention it counts the channels that are there. So a judge may let the full network take the
cut one's numbers, but only those that follow a count of channels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

aten = torch.ops.aten
SCALING = {aten.mul, aten.mul_, aten.div, aten.div_}
POWERS = (1.0, -1.0, 0.5, -0.5, 0.25, -0.25)
"""Of a count of channels, as code has them; attention that torch takes apart scales queries and
keys by a fourth root each."""


class Factors(TorchDispatchMode):
    """While it is entered, keeps the factors in `seen`; takes those of `instead`, if given."""

    def __init__(self, instead: Sequence[float] | None = None) -> None:
        super().__init__()
        self.seen: list[float] = []
        self._instead = instead

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return func(*self.replaced(func, args), **(kwargs or {}))

    def replaced(self, func: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments that an operator is to be called with."""
        number = args[1] if func.overloadpacket in SCALING and len(args) > 1 else None
        if not isinstance(number, int | float):
            return args
        self.seen.append(float(number))
        if self._instead is None or len(self.seen) > len(self._instead):
            return args
        return (args[0], self._instead[len(self.seen) - 1], *args[2:])


def own_counts(full: Sequence[float], cut: Sequence[float]) -> str:
    """How a cut network's factors differ from the full one's: `5.66 → 4.9`. '' where they don't
    or where they aren't the same power of a larger and of a smaller count."""
    if len(full) != len(cut):
        return ""
    changes = {(one, other): None for one, other in zip(full, cut, strict=True) if one != other}
    if not all(_counts(one, other) for one, other in changes):
        return ""
    return ", ".join(f"{one:.3g} → {other:.3g}" for one, other in changes)


def _counts(full: float, cut: float) -> bool:
    """Whether both are the same power of counts, the cut network's the smaller one."""
    if min(full, cut) <= 0:
        return False
    pairs = [(full ** (1 / power), cut ** (1 / power)) for power in POWERS]
    return any(1 <= few < many and _whole(few) and _whole(many) for many, few in pairs)


def _whole(count: float) -> bool:
    return math.isclose(count, round(count), rel_tol=1e-9)
