"""Activations as vector expressions: what a kernel does to a value before it is stored."""

from __future__ import annotations

from netadapt.latency.runtimes.tvm.schedules.emit import Node, splat


def activate(value: Node, name: str, lanes: int) -> Node:
    """`value` after the activation `name`, or several joined by '+'.

    Constants as torch's defaults have them. Raises KeyError for a name that isn't known.
    """
    from tvm import tirx

    first, _, rest = name.partition("+")
    if rest:
        return activate(activate(value, first, lanes), rest, lanes)

    def number(x: float) -> Node:
        return splat(x, lanes)

    def clip(x: Node, low: float, high: float) -> Node:
        return tirx.min(tirx.max(x, number(low)), number(high))

    if name == "none":
        return value
    if name == "relu":
        return tirx.max(value, number(0))
    if name == "relu6":
        return clip(value, 0, 6)
    if name == "leaky_relu":
        return tirx.max(value, value * number(0.01))
    if name == "sigmoid":
        return number(1) / (number(1) + tirx.exp(-value))
    if name == "silu":
        return value / (number(1) + tirx.exp(-value))
    if name == "tanh":
        return tirx.tanh(value)
    if name == "hardsigmoid":
        return clip(value + number(3), 0, 6) * number(1 / 6)
    if name == "hardswish":
        return value * clip(value + number(3), 0, 6) * number(1 / 6)
    if name == "elu":
        # exp of the clipped value, so that the branch not taken cannot overflow.
        return tirx.max(value, number(0)) + tirx.exp(tirx.min(value, number(0))) - number(1)
    if name == "gelu":
        # erfc by Abramowitz and Stegun, 7.1.26 (error below 1.5e-7): LLVM has no erf.
        size = tirx.max(value, -value)
        t = number(1) / (number(1) + number(0.3275911 * 0.5**0.5) * size)
        tail = number(1.061405429)
        for coefficient in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
            tail = tail * t + number(coefficient)
        tail = tail * t * tirx.exp(-size * size * number(0.5))
        return tirx.max(value, number(0)) - size * tail * number(0.5)
    raise KeyError(f"the activation '{name}'")
