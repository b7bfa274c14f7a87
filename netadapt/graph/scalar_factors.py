"""Numbers that code multiplies or divides by, and that may follow a width: `q / sqrt(width)`.

A cut network computes with the number its own code gives, as it takes a mean over the channels
that are left; so its full counterpart must compute with that too.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sized
from typing import TYPE_CHECKING, Any

from torch.overrides import TorchFunctionMode

if TYPE_CHECKING:
    from netadapt.graph.layer_graph import LayerGraph
    from netadapt.graph.operator_calls import Call, Program

_KINDS = {
    **dict.fromkeys(("mul", "mul_", "multiply", "__mul__", "__rmul__", "__imul__"), "mul"),
    **dict.fromkeys(("div", "div_", "divide", "true_divide", "__truediv__", "__itruediv__"), "div"),
}
"""Names of torch's functions -> operator."""

_POWERS = (-2, -1, -0.5, -0.25, 0.25, 0.5, 1, 2)
"""Of a count, in numbers that code scales by."""

Factor = tuple[str, float]
"""(operator, number)."""


def scaling_calls(program: Program) -> list[tuple[Call, float]]:
    """The calls that multiply or divide by a number, in the order they run, with the number."""
    return [
        (call, call.arguments["other"])
        for call in program.calls
        if call.op in ("mul", "div") and _is_number(call.arguments.get("other"))
    ]


class FactorsSeen(TorchFunctionMode):
    """Keeps what running code multiplies or divides by, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.factors: list[Factor] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kind = _KINDS.get(getattr(func, "__name__", ""))
        if kind is not None and len(args) == 2 and _is_number(args[1]):
            self.factors.append((kind, float(args[1])))
        return func(*args, **(kwargs or {}))


def shares_left(graph: LayerGraph, keep: Mapping[str, Sized]) -> frozenset[float]:
    """What share of its units each group of a cut keeps, 0 … 1."""
    return frozenset(len(units) / graph.group(name).full_width for name, units in keep.items())


def followed(
    program: Program, factors: list[Factor], shares: Iterable[float]
) -> list[tuple[Call, float]]:
    """The scaling calls of a full network's `program` whose number is another in a cut one's
    `factors`, with that number.

    It must be a power of what is left of some channels (`shares`, 0 … 1), as a mean or a scale
    has it: code that branches on a width isn't excused. Empty where other calls run.
    """
    calls = scaling_calls(program)
    if [call.op for call, _ in calls] != [kind for kind, _ in factors]:
        return []
    return [
        (call, new)
        for (call, old), (_, new) in zip(calls, factors, strict=True)
        if float(old) != new and _is_power(float(old), new, shares)
    ]


def _is_power(old: float, new: float, shares: Iterable[float]) -> bool:
    if not old or not new or (old < 0) != (new < 0):
        return False
    return any(
        math.isclose(new / old, share**power, rel_tol=1e-6)
        for share in shares
        for power in _POWERS
        if 0 < share < 1
    )


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
