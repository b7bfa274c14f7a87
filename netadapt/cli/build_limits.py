"""When `lut build` stops, from its options: an error, a number of rows, a time.

What is measured until then is left to the planners of `latency/measure`.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from netadapt.errors import InputError

QUICK_LAYERS = 20
DEFAULT_TOLERANCE, DEFAULT_LAYERS = 0.05, 250
SECONDS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}


@dataclass(frozen=True)
class BuildLimits:
    """`tolerance`: relative error of networks. `teaching`: the layers that teach most go first."""

    tolerance: float
    max_layers: int
    time_limit_s: float
    teaching: bool

    @classmethod
    def from_options(
        cls,
        *,
        tolerance: float | None,
        max_layers: int | None,
        quick: bool,
        until: str | None,
        time_limit: str | None,
    ) -> BuildLimits:
        """Raises InputError for an amount that can't be read, or two tolerances."""
        if until is not None and tolerance is not None:
            raise InputError(
                f"--until {until} and --tolerance {tolerance:g} both say when to stop; give one"
            )
        error = parse_share(until) if until is not None else tolerance
        if max_layers is None:
            max_layers = QUICK_LAYERS if quick and error is None else DEFAULT_LAYERS
        return cls(
            tolerance=DEFAULT_TOLERANCE if error is None else error,
            max_layers=max_layers,
            time_limit_s=math.inf if time_limit is None else parse_seconds(time_limit),
            teaching=quick or until is not None,
        )


def parse_share(text: str) -> float:
    """'5%' or '0.05'. Raises InputError for what isn't a share between 0 and 1."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*(%?)\s*", text)
    share = float(match[1]) / (100 if match[2] else 1) if match else 0.0
    if not 0 < share < 1:
        raise InputError(f"--until is '{text}'; expected a share below 1, as in 5% or 0.05")
    return share


def parse_seconds(text: str) -> float:
    """'90s', '10m', '1.5h', or a number of seconds. Raises InputError for anything else."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*(s|m|min|h|)\s*", text)
    seconds = float(match[1]) * SECONDS.get(match[2], 1.0) if match else 0.0
    if seconds <= 0:
        raise InputError(f"--time-limit is '{text}'; expected a time, as in 90s, 10m or 1h")
    return seconds
