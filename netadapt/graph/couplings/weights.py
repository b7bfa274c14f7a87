"""Layers with weights: convolutions, transposed convolutions and linear layers.

They end the channels that come in (role 'in' of a weight axis) and begin new ones (role 'out').
Grouped ones couple both where whole groups are cut (a depthwise convolution is the limit); where
groups are few, the same positions are cut from every group.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from netadapt.graph.computed_weights import tie_beside
from netadapt.graph.labels import Ints
from netadapt.graph.operator_calls import Call
from netadapt.graph.walk import Result, Value, Walk, cuts_whole_groups, handles

_COMPUTED = "its weight is computed from other tensors"


@handles("conv1d", "conv2d", "conv3d", weighted=True)
def convolution(walk: Walk, call: Call, given: dict[str, Any]) -> Result:
    """Weight [out, in / groups, …]."""
    return _convolve(walk, call, given, out_axis=0, in_axis=1)


@handles("conv_transpose1d", "conv_transpose2d", "conv_transpose3d", weighted=True)
def transposed_convolution(walk: Walk, call: Call, given: dict[str, Any]) -> Result:
    """Weight [in, out / groups, …]."""
    return _convolve(walk, call, given, out_axis=1, in_axis=0)


def _convolve(
    walk: Walk, call: Call, given: dict[str, Any], *, out_axis: int, in_axis: int
) -> Result:
    x, bias = given["input"], given["bias"]
    weight = _stand_in(given["weight"])
    groups = int(given["groups"])
    axis = x.ndim - (weight.ndim - 1)
    entering = enter(walk, call, x, axis)
    if weight.parameter is None or (bias is not None and bias.parameter is None):
        for value in (x, weight, bias):
            if value is not None:
                walk.freeze(value, _COMPUTED)
        return walk.fixed(call, f"the output of {call.where}, whose weight is computed")
    if groups == 1:
        _end(walk, weight, in_axis, entering, x.origin)
        leaving = walk.tie(weight, out_axis, "out")
    elif entering is None:
        reason = f"its groups are tied to {x.origin}"
        walk.pin(weight, in_axis, "in", reason)
        _pin_outputs(walk, weight, out_axis, bias, reason)
        return walk.fixed(call, f"the output of {call.where}, whose groups can't be cut")
    else:
        leaving = _grouped(walk, call, weight, entering, groups, transposed=out_axis == 1)
    if bias is not None:
        walk.tie(bias, 0, "out", leaving)
    _tie_recipe(walk, call, given["weight"], weight, out_axis)
    if entering is not None:
        walk.size(call, "in_channels", entering)
    walk.size(call, "out_channels", leaving)
    return Value(call.shapes[0], axis, leaving)


def _grouped(
    walk: Walk, call: Call, weight: Value, entering: Ints, groups: int, *, transposed: bool
) -> Ints:
    """Couple the channels of a grouped convolution; the labels that leave it."""
    per_group = len(entering) // groups
    grid = entering.reshape(groups, per_group)
    out_per_group = weight.shape[1] if transposed else weight.shape[0] // groups
    kept = walk.keep_groups(grid, call, "groups", _name(weight))
    if cuts_whole_groups(groups, per_group):
        leaving = np.repeat(kept, out_per_group)
        walk.tie(weight, 0, "per_channel", entering if transposed else leaving)
        return leaving
    if transposed:
        walk.tie(weight, 0, "in", entering)
        return np.tile(walk.tie(weight, 1, "out"), groups)
    walk.tie(weight, 1, "in", kept)
    leaving = walk.tie(weight, 0, "out")
    walk.merge_rows(
        leaving.reshape(groups, out_per_group), f"{_name(weight)} keeps its {groups} groups equal"
    )
    return leaving


@handles("linear", weighted=True)
def linear(walk: Walk, call: Call, given: dict[str, Any]) -> Result:
    """Weight [out, in], over the last axis."""
    x, bias = given["input"], given["bias"]
    weight = _stand_in(given["weight"])
    axis = x.ndim - 1
    if weight.parameter is None or (bias is not None and bias.parameter is None):
        for value in (x, weight, bias):
            if value is not None:
                walk.freeze(value, _COMPUTED)
        return walk.fixed(call, f"the output of {call.where}, whose weight is computed")
    if x.labels is not None and x.axis != axis:
        reason = "it mixes positions, not channels"
        walk.pin(weight, 1, "in", reason)
        _pin_outputs(walk, weight, 0, bias, reason)
        return walk.passed(call, x)
    _end(walk, weight, 1, enter(walk, call, x, axis), x.origin)
    leaving = walk.tie(weight, 0, "out")
    if bias is not None:
        walk.tie(bias, 0, "out", leaving)
    _tie_recipe(walk, call, given["weight"], weight, 0)
    if x.labels is not None:
        walk.size(call, "in_features", x.labels)
    walk.size(call, "out_features", leaving)
    return Value(call.shapes[0], axis, leaving)


def _stand_in(weight: Value) -> Value:
    """The weight; where it is computed, the parameter of its shape that it is made from."""
    alike = (value for value in weight.recipe if value.shape == weight.shape)
    return next(alike, weight)


def _tie_recipe(walk: Walk, call: Call, weight: Value, stand_in: Value, out_axis: int) -> None:
    """Cut all that a computed weight is made from."""
    if stand_in is weight:
        return
    recipe = {str(value.parameter): value.shape for value in weight.recipe}
    name = str(stand_in.parameter)
    if tie_beside(walk, recipe, name, out_axis):
        walk.computed.append((call, name))
    else:
        for axis in (key[1] for key in list(walk.axes) if key[0] == name):
            walk.labels.freeze(walk.axes[name, axis].labels, _COMPUTED)


def enter(walk: Walk, call: Call, x: Value, axis: int) -> Ints | None:
    """The labels of `x` along `axis`; None, and frozen, if its channels lie elsewhere."""
    if x.labels is not None and x.axis != axis:
        walk.freeze(x, f"{call.where} reads these channels along another axis")
        return None
    if x.labels is not None:
        walk.enters(call, x.labels)
    return x.labels


def _end(walk: Walk, weight: Value, axis: int, entering: Ints | None, origin: str) -> None:
    if entering is None:
        walk.pin(weight, axis, "in", f"it reads {origin}")
    else:
        walk.tie(weight, axis, "in", entering)


def _pin_outputs(walk: Walk, weight: Value, axis: int, bias: Value | None, reason: str) -> None:
    """Freeze what a layer makes, its weight's and its bias's channels as one."""
    walk.pin(weight, axis, "out", reason)
    made = walk.tie(weight, axis, "out")
    if bias is not None and len(made) == bias.shape[0]:
        walk.tie(bias, 0, "out", made)


def _name(weight: Value) -> str:
    return (weight.parameter or "").rpartition(".")[0] or "a convolution"
