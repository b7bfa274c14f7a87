"""Activations as vector expressions: what a kernel does to a value before it is stored."""

from __future__ import annotations

from collections.abc import Callable

from netadapt.latency.runtimes.tvm.schedules.emit import Node, splat


def activate(value: Node, name: str, lanes: int) -> Node:
    """`value` after the activation `name`, or several joined by '+'.

    Constants as torch's defaults have them. Raises KeyError for a name that isn't known.
    """
    for part in name.split("+"):
        if part not in _ACTIVATIONS:
            raise KeyError(f"the activation '{part}'")
        value = _ACTIVATIONS[part](value, lanes)
    return value


def _clip(x: Node, low: float, high: float, lanes: int) -> Node:
    from tvm import tirx

    return tirx.min(tirx.max(x, splat(low, lanes)), splat(high, lanes))


def _none(x: Node, lanes: int) -> Node:
    return x


def _relu(x: Node, lanes: int) -> Node:
    from tvm import tirx

    return tirx.max(x, splat(0, lanes))


def _relu6(x: Node, lanes: int) -> Node:
    return _clip(x, 0, 6, lanes)


def _leaky_relu(x: Node, lanes: int) -> Node:
    from tvm import tirx

    return tirx.max(x, x * splat(0.01, lanes))


def _sigmoid(x: Node, lanes: int) -> Node:
    from tvm import tirx

    return splat(1, lanes) / (splat(1, lanes) + tirx.exp(-x))


def _silu(x: Node, lanes: int) -> Node:
    from tvm import tirx

    return x / (splat(1, lanes) + tirx.exp(-x))


def _tanh(x: Node, lanes: int) -> Node:
    from tvm import tirx

    return tirx.tanh(x)


def _hardsigmoid(x: Node, lanes: int) -> Node:
    return _clip(x + splat(3, lanes), 0, 6, lanes) * splat(1 / 6, lanes)


def _hardswish(x: Node, lanes: int) -> Node:
    return x * _clip(x + splat(3, lanes), 0, 6, lanes) * splat(1 / 6, lanes)


def _elu(x: Node, lanes: int) -> Node:
    from tvm import tirx

    # exp of the clipped value, so that the branch not taken cannot overflow.
    zero = splat(0, lanes)
    return tirx.max(x, zero) + tirx.exp(tirx.min(x, zero)) - splat(1, lanes)


def _gelu(x: Node, lanes: int) -> Node:
    """By erfc of Abramowitz and Stegun, 7.1.26 (error below 1.5e-7): LLVM has no erf."""
    from tvm import tirx

    def number(value: float) -> Node:
        return splat(value, lanes)

    size = tirx.max(x, -x)
    t = number(1) / (number(1) + number(0.3275911 * 0.5**0.5) * size)
    tail = number(1.061405429)
    for coefficient in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        tail = tail * t + number(coefficient)
    tail = tail * t * tirx.exp(-size * size * number(0.5))
    return tirx.max(x, number(0)) - size * tail * number(0.5)


_ACTIVATIONS: dict[str, Callable[[Node, int], Node]] = {
    "none": _none,
    "relu": _relu,
    "relu6": _relu6,
    "leaky_relu": _leaky_relu,
    "sigmoid": _sigmoid,
    "silu": _silu,
    "tanh": _tanh,
    "hardsigmoid": _hardsigmoid,
    "hardswish": _hardswish,
    "elu": _elu,
    "gelu": _gelu,
}
"""(value, lanes of a vector) → the activated value."""
