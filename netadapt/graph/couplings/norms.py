"""Normalizations and other layers with parameters per channel: channels pass through unchanged.

Layer and group norms take their mean over several channels. A group norm of many groups loses
whole ones, which changes no other channel; one of few groups, like a layer norm, takes its
statistics over the channels that are kept, and the walk remembers where.
"""

from __future__ import annotations

from typing import Any

from netadapt.graph.operator_calls import Call
from netadapt.graph.walk import Result, Value, Walk, cuts_whole_groups, handles


@handles("batch_norm", "instance_norm", weighted=True)
def per_channel_norm(walk: Walk, call: Call, given: dict[str, Any]) -> Result:
    """Statistics of each channel by itself, along axis 1."""
    x = given["input"]
    names = ("weight", "bias", "running_mean", "running_var")
    return _per_channel(walk, call, x, [given[name] for name in names], "num_features")


@handles("prelu", weighted=True)
def prelu(walk: Walk, call: Call, given: dict[str, Any]) -> Result:
    """One slope for all channels, or one a channel along axis 1."""
    weight = given["weight"]
    slopes = [weight] if weight.shape != (1,) else []
    if slopes and weight.parameter is None:
        return walk.stopped(call, given["self"], "its PReLU slopes are computed")
    return _per_channel(walk, call, given["self"], slopes, "num_parameters" if slopes else None)


def _per_channel(
    walk: Walk, call: Call, x: Value, parameters: list[Value | None], attribute: str | None
) -> Result:
    present = [value for value in parameters if value is not None]
    if any(value.parameter is None for value in present):
        return walk.stopped(call, (x, *present), "a norm's weights are computed from other tensors")
    if x.labels is None or x.axis != 1:
        for value in present:
            walk.pin(value, 0, "per_channel", f"{call.where} doesn't work on channels")
        return walk.passed(call, x)
    for value in present:
        walk.tie(value, 0, "per_channel", x.labels)
    if attribute:
        walk.size(call, attribute, x.labels)
    return walk.passed(call, x)


@handles("group_norm", weighted=True)
def group_norm(walk: Walk, call: Call, given: dict[str, Any]) -> Result:
    """Statistics of each group of channels along axis 1, over all positions."""
    x, weight, bias = given["input"], given["weight"], given["bias"]
    groups = int(given["num_groups"])
    if x.labels is None:
        for value in (weight, bias):
            walk.pin(value, 0, "per_channel", f"{call.where} normalizes {x.origin}")
        return walk.passed(call, x)
    present = [value for value in (weight, bias) if value is not None]
    if x.axis != 1 or any(value.parameter is None for value in present):
        for value in present:
            walk.pin(value, 0, "per_channel", "its group norm lies across the channels")
        return walk.stopped(call, x, f"{call.where} lies across the channels")
    grid = x.labels.reshape(groups, -1)
    walk.keep_groups(grid, call, "num_groups", call.module)
    if not cuts_whole_groups(*grid.shape):
        operands = {"input": (1, x.labels), "weight": (0, x.labels), "bias": (0, x.labels)}
        walk.take_over(call, operands, (1, x.labels))
        walk.labels.note(x.labels, f"{call.where} then takes its mean over the kept channels")
    return _per_channel(walk, call, x, [weight, bias], "num_channels")


@handles("layer_norm", "rms_norm", weighted=True)
def layer_norm(walk: Walk, call: Call, given: dict[str, Any]) -> Result:
    """Statistics over the last axes; the channels may be among them."""
    x, weight, bias = given["input"], given["weight"], given.get("bias")
    dims = len(given["normalized_shape"])
    inside = None if x.axis is None else x.axis - (x.ndim - dims)
    parameters = [value for value in (weight, bias) if value is not None]
    known = all(value.parameter is not None for value in parameters)
    if x.labels is None or inside is None or inside < 0 or not known:
        for value in parameters:
            for axis in range(value.ndim):
                walk.pin(value, axis, "per_channel", f"{call.where} normalizes {x.origin}")
        if inside is not None and inside >= 0:
            return walk.stopped(call, x, f"{call.where} takes its mean over these channels")
        return walk.passed(call, x)
    for value in parameters:
        walk.tie(value, inside, "per_channel", x.labels)
    operands = {"input": (x.axis, x.labels)} | dict.fromkeys(
        ("weight", "bias") if call.op == "layer_norm" else ("weight",), (inside, x.labels)
    )
    walk.take_over(call, operands, (x.axis, x.labels), {"normalized_shape": (inside, x.labels)})
    walk.labels.note(x.labels, f"{call.where} then takes its mean over the kept channels")
    walk.size(call, "normalized_shape", x.labels, inside)
    return walk.passed(call, x)
