"""Reads the fields of a config.json one by one, each refused by its name where it is wrong.

What the fields mean is said by the config that they make.
"""

from __future__ import annotations

from collections.abc import Mapping

from netadapt.errors import ModelError


def refuse_unknown(value: Mapping[str, object], known: set[str], where: str) -> None:
    """Raise ModelError where `value` has a key that isn't `known`."""
    unknown = sorted(set(value) - known)
    if unknown:
        raise ModelError(
            f"{where}: unknown key '{unknown[0]}', expected {', '.join(sorted(known))}"
        )


def text_field(
    value: Mapping[str, object], key: str, where: str, default: str | None = None
) -> str:
    """The text under `key`. Raises ModelError for anything else."""
    text = value.get(key, default)
    if not isinstance(text, str):
        raise ModelError(f"{where}: {key} is {text!r}, expected text")
    return text


def widths_field(value: Mapping[str, object], where: str) -> dict[str, int]:
    """The channels under `widths`, by name; none where it is left out."""
    widths = value.get("widths", {})
    if not isinstance(widths, Mapping):
        raise ModelError(f"{where}: widths is {widths!r}, expected an object {{name: channels}}")
    for name, width in widths.items():
        if not isinstance(width, int) or isinstance(width, bool) or width < 1:
            raise ModelError(f"{where}: width {name} is {width!r}, expected a whole number ≥ 1")
    return {str(name): int(width) for name, width in widths.items()}


Number = int | list[int]
"""A size that a module holds, or several."""


def numbers_field(value: Mapping[str, object], where: str) -> dict[str, Number]:
    """The sizes under `numbers`, by 'module.attribute'; none where it is left out."""
    numbers = value.get("numbers", {})
    if not isinstance(numbers, Mapping):
        raise ModelError(f"{where}: numbers is {numbers!r}, expected an object {{attribute: size}}")
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
        raise ModelError(f"{where}: input_shapes is {shapes!r}, expected a list of shapes")
    return tuple(sizes(shape, "input_shapes", where) for shape in shapes)


def sizes(value: object, key: str, where: str) -> tuple[int, ...]:
    """`value`, found under `key`, as whole numbers ≥ 1."""
    if not isinstance(value, list | tuple) or not all(
        isinstance(size, int) and not isinstance(size, bool) and size > 0 for size in value
    ):
        raise ModelError(f"{where}: {key} has {value!r}, expected a list of whole numbers ≥ 1")
    return tuple(value)
