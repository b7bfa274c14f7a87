"""How much of something there may be, as users say it: `6`, `"0.4G"`, `"50%"` or `"2x"`.

What a relative amount is a part of, the cost of the network given, is known after the trace.
"""

from __future__ import annotations

import math
import re
from contextlib import suppress
from dataclasses import dataclass
from numbers import Real
from typing import Any

from netadapt.errors import InputError

_TEXT = re.compile(r"\s*(?P<number>[0-9.]+(?:[eE][+-]?[0-9]+)?)\s*(?P<suffix>[%xkmg]?)\s*", re.I)
_THOUSANDS = {"": 1.0, "k": 1e3, "m": 1e6, "g": 1e9}


@dataclass(frozen=True)
class Amount:
    """`number` of a constraint's unit; if `relative`, that share of what the network given costs.

    `asked` is what the user said, a text where it is relative.
    """

    number: float
    relative: bool
    asked: float | str

    def __str__(self) -> str:
        """Short, as a user would say it: 6, 400M, 50%."""
        if isinstance(self.asked, str):
            return self.asked
        for suffix in ("g", "m", "k"):
            if self.number >= _THOUSANDS[suffix]:
                return f"{self.number / _THOUSANDS[suffix]:g}{suffix.upper()}"
        return f"{self.number:g}"

    def of(self, cost: float) -> float:
        """The most there may be for a network given that costs `cost`."""
        return self.number * cost if self.relative else self.number


def read_amount(name: str, most: Any) -> Amount:
    """`most` as a budget on `name`: a number, or a text with K, M or G, with % or with x.

    `"50%"` is half of what the network given costs, and so is `"2x"`: twice as fast. Raises
    InputError for anything else, and what is not above 0.
    """
    found = _TEXT.fullmatch(most) if isinstance(most, str) else None
    if found is None and not isinstance(most, str):
        number = budget_of(name, most)
        return Amount(number, False, number)
    if found is not None:
        suffix = found["suffix"].lower()
        with suppress(ValueError, ZeroDivisionError, OverflowError):
            number = float(found["number"])
            if suffix == "%":
                return Amount(_above_zero(number / 100), True, f"{number:g}%")
            if suffix == "x":
                return Amount(_above_zero(1 / number), True, f"{number:g}x")
            number = _above_zero(number * _THOUSANDS[suffix])
            return Amount(number, False, number)
    raise InputError(
        f"the budget of {name} is {most!r:.40}; expected a number > 0, as 6 or 0.4G, or a part of "
        f"what the network takes, as 50% or 2x"
    )


def _above_zero(number: float) -> float:
    if not 0 < number < math.inf:
        raise ValueError
    return number


def budget_of(name: str, most: Any) -> float:
    """`most` as a budget on `name`. Raises InputError unless it is a number above 0."""
    if not isinstance(most, bool) and isinstance(most, Real):
        with suppress(OverflowError):
            number = float(most)
            if math.isfinite(number) and number > 0:
                return number
    raise InputError(f"the budget of {name} is {most!r:.40}; expected a number > 0")
