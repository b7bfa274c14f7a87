"""An engine's own profile of a network: layers with what they took, the rest with reasons.

Which formats there are stands in `engine_profile_import`; how each is read, in a file of its own.
"""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from netadapt.graph.layer_shape import LayerShape
from netadapt.latency.runtimes.precision import FLOAT32, PRECISIONS
from netadapt.latency.table.table_row import TableRow


class Untold(Exception):
    """A layer's shape can't be told; the text is the reason."""


@dataclass(frozen=True, slots=True)
class ProfiledLayer:
    """A layer of a profiled network: what it took in each of `runs` runs, on average or median."""

    name: str
    shape: LayerShape
    latency_ms: float
    runs: int = 1
    precision: str = FLOAT32


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What stands in a profile and gives no row: by what name, what it took, and why."""

    name: str
    latency_ms: float
    reason: str


@dataclass(frozen=True)
class EngineProfile:
    """A profile that was read: `engine` names the rows' schedule."""

    engine: str
    layers: tuple[ProfiledLayer, ...]
    left_out: tuple[LeftOut, ...]

    @property
    def precision(self) -> str:
        """That of most of the time, of those that a table may be in: it holds rows of one."""
        totals = dict.fromkeys(PRECISIONS, 0.0)
        for layer in self.layers:
            if layer.precision in totals:
                totals[layer.precision] += layer.latency_ms
        return max(totals, key=lambda name: totals[name])


def rows_of(profile: EngineProfile, schedule: str) -> tuple[list[TableRow], list[LeftOut]]:
    """A row a shape, layers of one shape by their median; and what is left out in the end."""
    by_shape: dict[LayerShape, list[ProfiledLayer]] = defaultdict(list)
    left_out = list(profile.left_out)
    for layer in profile.layers:
        if layer.precision == profile.precision:
            by_shape[layer.shape].append(layer)
            continue
        reason = f"in {layer.precision}, while most of the network is in {profile.precision}"
        if layer.precision not in PRECISIONS:
            reason = f"in {layer.precision}; a table is in one of {', '.join(PRECISIONS)}"
        left_out.append(LeftOut(layer.name, layer.latency_ms, reason))
    rows = [
        TableRow(
            shape=shape,
            latency_ms=statistics.median(layer.latency_ms for layer in same),
            spread_ms=(
                statistics.stdev(layer.latency_ms for layer in same) if len(same) > 1 else None
            ),
            samples=sum(layer.runs for layer in same),
            source="published",
            schedule=schedule,
        )
        for shape, same in by_shape.items()
    ]
    return rows, left_out


MOST = 2**31
"""More pixels, channels, microseconds or runs than any profile has: another number is no number."""


def is_whole(number: Any) -> bool:
    """Whether a value of a profile is a number that counts something."""
    return isinstance(number, int) and not isinstance(number, bool) and 0 <= number < MOST


def is_time(value: Any) -> bool:
    """Whether a value of a profile is a time above zero."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number and math.isfinite(min(value, MOST)) and 0 < value < MOST


def pair_of(values: Any, what: str) -> tuple[int, int]:
    """Two whole numbers, height and width. Raises Untold."""
    numbers = list(values) if isinstance(values, (list, tuple)) else []
    if len(numbers) != 2 or not all(is_whole(number) for number in numbers):
        raise Untold(f"{what} is {values!r}, expected two numbers")
    return (numbers[0], numbers[1])


def image_of(values: Any, what: str) -> tuple[int, int, int]:
    """Channels, height and width of [1, C, H, W]. Raises Untold for anything else."""
    numbers = list(values) if isinstance(values, (list, tuple)) else []
    if len(numbers) != 4 or not all(is_whole(number) and number > 0 for number in numbers):
        raise Untold(f"{what} is {values!r}, expected [1, C, H, W]")
    if numbers[0] != 1:
        raise Untold(f"{what} has batch {numbers[0]}: tables are batch 1")
    return (numbers[1], numbers[2], numbers[3])


def checked(shape: LayerShape, out: Iterable[int]) -> LayerShape:
    """`shape`, if it is one and its output as large as the profile says. Raises Untold."""
    channels, *size = out
    try:
        LayerShape.from_row(dict(shape.to_row()))
    except ValueError as error:
        raise Untold(str(error)) from error
    if shape.out_channels != channels or list(shape.out_size) != size:
        raise Untold(
            f"{shape} would give {shape.out_channels}×{shape.out_size[0]}×{shape.out_size[1]}, the "
            f"profile says {channels}×{'×'.join(map(str, size))}"
        )
    return shape
