"""Elementwise operators: what goes in and what comes out are the same channels.

With several operands the channels are coupled position by position (residual additions,
squeeze-and-excitation gates), except where an operand is broadcast over the channels.
"""

from __future__ import annotations

from typing import Any

from netadapt.graph.operator_calls import Call
from netadapt.graph.walk import Result, Value, Walk, handles

UNARY = (
    *("relu", "relu6", "hardtanh", "hardswish", "hardsigmoid", "silu", "sigmoid", "tanh"),
    *("gelu", "elu", "selu", "celu", "leaky_relu", "mish", "softplus", "softsign", "logsigmoid"),
    *("log_sigmoid", "hardshrink", "softshrink", "threshold", "clamp", "clamp_min", "clamp_max"),
    *("exp", "log", "sqrt", "rsqrt", "square", "abs", "neg", "reciprocal", "sign", "erf"),
    *("sin", "cos", "round", "floor", "ceil", "rrelu", "log1p", "expm1", "nan_to_num"),
)
UNCHANGED = (
    *("dropout", "feature_dropout", "alpha_dropout", "native_dropout", "contiguous", "clone"),
    *("detach", "alias", "to", "_to_copy", "type_as", "float", "lift_fresh_copy"),
    *("identity", "fill", "zero", "view_as_real_copy"),
)
LIKE = ("zeros_like", "ones_like", "empty_like", "full_like", "rand_like", "randn_like")
"""A tensor of the operand's shape, whatever its values."""
BINARY = (
    *("add", "sub", "rsub", "mul", "div", "pow", "maximum", "minimum", "where", "lerp", "addcmul"),
    *("addcdiv", "fmod", "remainder", "floor_divide", "true_divide", "multiply", "subtract"),
    *("divide", "gt", "lt", "ge", "le", "eq", "ne", "logical_and", "logical_or", "atan2"),
    "masked_fill",
)
FILLED = ("new_zeros", "new_ones", "new_full", "new_empty")
"""A tensor of the operand's kind, of a shape that the code gives."""


@handles(*UNARY, *UNCHANGED, *LIKE, passes_sums=True)
def one_operand(walk: Walk, call: Call, given: dict[str, Any]) -> Result:
    """Channels pass. The operand is the schema's first argument."""
    first = next(iter(given.values()))
    if not isinstance(first, Value):
        return walk.fixed(call)
    if len(call.shapes) > 1:
        return [walk.passed(call, first) for _ in call.shapes]
    return walk.passed(call, first)


@handles(*FILLED, numbered=True)
def filled(walk: Walk, call: Call, given: dict[str, Any]) -> Result:
    """A tensor of one value, of a size written in the code: that of the tensor it is made from,
    if it is that now. A trial cut tells whether the code says so too."""
    x, shape = given["self"], call.shapes[0]
    same = isinstance(x, Value) and x.axis is not None and len(shape) == x.ndim
    if same and shape[x.axis] == x.shape[x.axis]:
        return walk.passed(call, x)
    return walk.fixed(call, f"the tensor made by {call.op}")


@handles(*BINARY, weighted=True, passes_sums=True)
def several_operands(walk: Walk, call: Call, given: dict[str, Any]) -> Result:
    """Couple the operands' channels position by position."""
    return couple(walk, call, [v for v in given.values() if isinstance(v, Value)])


def couple(walk: Walk, call: Call, operands: list[Value]) -> Result:
    """Unify the channels of tensors that are broadcast together into the call's output."""
    shape = call.shapes[0]
    operands = [_with_channels(walk, value, operands, len(shape)) for value in operands]
    carriers: list[tuple[int, Value]] = []
    for value in operands:
        if value.labels is None or value.axis is None:
            continue
        axis = value.axis + len(shape) - value.ndim
        if value.shape[value.axis] < shape[axis]:
            walk.freeze(value, f"{call.where} spreads it over other channels")
        else:
            carriers.append((axis, value))
    if not carriers:
        return walk.fixed(call)
    axis, first = carriers[0]
    if any(other != axis for other, _ in carriers):
        labelled = [value for _, value in carriers]
        return walk.stopped(call, labelled, f"{call.where} pairs channels along two axes")
    assert first.labels is not None
    for _, value in carriers[1:]:
        assert value.labels is not None
        walk.labels.unify(first.labels, value.labels, call.where)
    for value in operands:
        at = axis - (len(shape) - value.ndim)
        if value.labels is None and at >= 0 and value.shape[at] > 1:
            walk.freeze(first, f"{call.where} joins it with {value.origin}")
            return Value(shape, origin=value.origin)
    return Value(shape, axis, first.labels)


def _with_channels(walk: Walk, value: Value, operands: list[Value], ndim: int) -> Value:
    """A parameter with the channels of the tensors it is joined with: positions of the same axis.

    A position embedding [1, C, H, W] has other long axes too; those stay whole.
    """
    if value.parameter is None:
        return value
    axes = {x.axis + ndim - x.ndim for x in operands if x.labels is not None and x.axis is not None}
    if len(axes) != 1:
        return walk.spread(value)
    at = axes.pop() - (ndim - value.ndim)
    if at < 0 or value.shape[at] == 1:
        return Value(value.shape, origin=f"the parameter {value.parameter}")
    return Value(value.shape, at, walk.tie(value, at, "per_channel"))
