"""Reads the fields of a config.json one by one, each refused by its name where it is wrong.

What the fields mean is said by the config that they make.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from netadapt.errors import ModelError

MOST_WIDTH = 1 << 16
"""Channels of one layer; the widest of known CNNs have some 8,000."""

MOST_INPUT_NUMBERS = 1 << 26
"""Of one input: a colour image of 4,700 pixels a side."""

_LONGEST_SHOWN = 80


def refuse_unknown(value: Mapping[str, object], known: set[str], where: str) -> None:
    """Raise ModelError where `value` has a key that isn't `known`."""
    unknown = sorted(set(value) - known)
    if unknown:
        raise ModelError(
            f"{where}: unknown key {_short(unknown[0])}, expected {', '.join(sorted(known))}"
        )


def text_field(
    value: Mapping[str, object], key: str, where: str, default: str | None = None
) -> str:
    """The text under `key`. Raises ModelError for anything else."""
    text = value.get(key, default)
    if not isinstance(text, str):
        raise ModelError(f"{where}: {key} is {_short(text)}, expected text")
    return text


def widths_field(value: Mapping[str, object], where: str) -> dict[str, int]:
    """The channels under `widths`, by name; none where it is left out."""
    widths = value.get("widths", {})
    if not isinstance(widths, Mapping):
        raise ModelError(
            f"{where}: widths is {_short(widths)}, expected an object {{name: channels}}"
        )
    for name, width in widths.items():
        if not isinstance(width, int) or isinstance(width, bool) or not 1 <= width <= MOST_WIDTH:
            raise ModelError(
                f"{where}: width {name[:80]} is {_short(width)}, expected a whole number from 1 to "
                f"{MOST_WIDTH}"
            )
    return {str(name): int(width) for name, width in widths.items()}


Number = int | list[int]
"""A size that a module holds, or several."""


def numbers_field(value: Mapping[str, object], where: str) -> dict[str, Number]:
    """The sizes under `numbers`, by 'module.attribute'; none where it is left out."""
    numbers = value.get("numbers", {})
    if not isinstance(numbers, Mapping):
        raise ModelError(
            f"{where}: numbers is {_short(numbers)}, expected an object {{attribute: size}}"
        )
    return {
        str(name): list(sizes(number, str(name), where))
        if isinstance(number, list)
        else sizes([number], str(name), where)[0]
        for name, number in numbers.items()
    }


def shapes_field(
    value: Mapping[str, object], where: str, default: tuple[tuple[int, ...], ...]
) -> tuple[tuple[int, ...], ...]:
    """The shapes under `input_shapes`."""
    shapes = value.get("input_shapes", default)
    if not isinstance(shapes, list | tuple) or not shapes:
        raise ModelError(f"{where}: input_shapes is {_short(shapes)}, expected a list of shapes")
    found = tuple(sizes(shape, "input_shapes", where) for shape in shapes)
    require_inputs_fit(found, where)
    return found


def require_inputs_fit(shapes: Sequence[Sequence[int]], where: str) -> None:
    """Raise ModelError, saying `where`, for inputs that would take more memory than there is."""
    for shape in shapes:
        if math.prod(shape) > MOST_INPUT_NUMBERS:
            raise ModelError(
                f"{where}: an input of {'×'.join(map(str, shape))[:80]} has more than the "
                f"{MOST_INPUT_NUMBERS // 1_000_000} million numbers that one may have"
            )


def sizes(value: object, key: str, where: str) -> tuple[int, ...]:
    """`value`, found under `key`, as whole numbers ≥ 1."""
    if not isinstance(value, list | tuple) or not all(
        isinstance(size, int) and not isinstance(size, bool) and size > 0 for size in value
    ):
        raise ModelError(
            f"{where}: {key} has {_short(value)}, expected a list of whole numbers ≥ 1"
        )
    return tuple(value)


def _short(value: object) -> str:
    """As a line shows it, whatever it is."""
    try:
        shown = repr(value)
    except ValueError:  # a number of more digits than Python prints
        shown = "a number of thousands of digits"
    return shown if len(shown) <= _LONGEST_SHOWN else f"{shown[:_LONGEST_SHOWN]}…"
