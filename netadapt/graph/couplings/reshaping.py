"""Operators that only move elements: the real operation is applied to the labels.

An axis of channels that is taken apart (a channel shuffle's view to [B, g, C/g, H, W]) must come
apart again in the cut network. The longest of its factors is taken to be the one that follows
the width, the others to be numbers in the user's code; a trial cut later finds out if not.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from netadapt.graph.labels import Ints
from netadapt.graph.operator_calls import Call, Shape
from netadapt.graph.walk import Result, Value, Walk, handles


@handles(
    *("view", "reshape", "_unsafe_view", "flatten", "unflatten", "view_as", "reshape_as"),
    passes_sums=True,
    numbered=True,
)
def reshape(walk: Walk, call: Call, given: dict[str, Any]) -> Result:
    """Any change of shape that keeps the elements' order."""
    result = regroup(walk, call, given["self"], call.shapes[0])
    if isinstance(result, Value) and result.labels is not None:
        walk.may_tie(call, result.labels)
    return result


def regroup(walk: Walk, call: Call, x: Value, shape: Shape) -> Result:
    """`x` read in another shape."""
    if x.labels is None or x.axis is None:
        return Value(shape, origin=x.origin)
    if x.shape[x.axis] == 1:
        return walk.stopped(call, x, "it is a single channel")
    source, target = _factors(x.shape, shape, x.axis)
    local = [1] * len(source)
    local[x.axis - source.start] = -1
    labels = np.broadcast_to(x.labels.reshape(local), x.shape[source.start : source.stop])
    labels = labels.reshape(shape[target.start : target.stop])
    varying = [axis for axis in range(labels.ndim) if walk.varies(labels, axis)]
    if not varying:
        axis = next((axis for axis in range(labels.ndim) if labels.shape[axis] > 1), 0)
        return Value(shape, target.start + axis, _line(labels, axis))
    kept = max(varying, key=lambda axis: (labels.shape[axis], axis))
    units = _line(labels, kept)
    for axis in varying:
        if axis != kept:
            # So that the longest factor is still the longest in the cut network.
            walk.labels.keep_at_least(units, labels.shape[axis] + (axis > kept))
            rows = np.moveaxis(labels, axis, 0).reshape(labels.shape[axis], -1)
            walk.merge_rows(rows, f"{call.where} takes the channels apart")
    return Value(shape, target.start + kept, units)


def _line(labels: Ints, axis: int) -> Ints:
    line: Ints = np.moveaxis(labels, axis, 0).reshape(labels.shape[axis], -1)[:, 0].copy()
    return line


def _factors(before: Shape, after: Shape, axis: int) -> tuple[range, range]:
    """The smallest runs of axes, one holding `axis`, that have the same number of elements."""
    i = j = 0
    while True:
        start_i, start_j = i, j
        i, j = i + 1, j + 1
        left, right = before[start_i], after[start_j]
        while left != right:
            if left < right:
                left *= before[i]
                i += 1
            else:
                right *= after[j]
                j += 1
        if start_i <= axis < i:
            return range(start_i, i), range(start_j, j)


@handles("permute", "transpose", "swapaxes", "movedim", "t", "numpy_T", "mT", passes_sums=True)
def permute(walk: Walk, call: Call, given: dict[str, Any]) -> Result:
    """The channels' axis moves."""
    x = given["self"]
    if x.labels is None or x.axis is None:
        return Value(call.shapes[0], origin=x.origin)
    order = list(range(x.ndim))
    if call.op == "permute":
        order = [int(dim) % x.ndim for dim in given["dims"]]
    elif call.op == "movedim":
        order = _moved(x.ndim, _listed(given["source"]), _listed(given["destination"]))
    else:
        names = ("axis0", "axis1") if "axis0" in given else ("dim0", "dim1")
        a = int(given.get(names[0], -1)) % x.ndim
        b = int(given.get(names[1], -2)) % x.ndim
        order[a], order[b] = order[b], order[a]
    return Value(call.shapes[0], order.index(x.axis), x.labels)


def _listed(value: int | list[int]) -> list[int]:
    return [value] if isinstance(value, int) else list(value)


def _moved(ndim: int, sources: list[int], targets: list[int]) -> list[int]:
    order = [dim for dim in range(ndim) if dim not in [s % ndim for s in sources]]
    for target, source in sorted(
        (t % ndim, s % ndim) for t, s in zip(targets, sources, strict=True)
    ):
        order.insert(target, source)
    return order


@handles("squeeze", "unsqueeze", passes_sums=True)
def squeeze(walk: Walk, call: Call, given: dict[str, Any]) -> Result:
    """Axes of length 1 come and go."""
    x = given["self"]
    if x.labels is None or x.axis is None:
        return Value(call.shapes[0], origin=x.origin)
    if call.op == "unsqueeze":
        dim = int(given["dim"]) % (x.ndim + 1)
        return Value(call.shapes[0], x.axis + (dim <= x.axis), x.labels)
    dims = given.get("dim")
    chosen = range(x.ndim) if dims is None else [d % x.ndim for d in _listed(dims)]
    gone = [d for d in chosen if x.shape[d] == 1]
    if x.axis in gone:
        return walk.stopped(call, x, f"{call.where} drops an axis of one channel")
    return Value(call.shapes[0], x.axis - sum(d < x.axis for d in gone), x.labels)


@handles("expand", "expand_as", "broadcast_to", passes_sums=True, numbered=True)
def expand(walk: Walk, call: Call, given: dict[str, Any]) -> Result:
    """Axes of length 1 are spread; new ones come in front."""
    x, shape = given["self"], call.shapes[0]
    if x.over is not None and x.labels is None:
        return _spread_sum(x, shape)
    if x.labels is None or x.axis is None:
        return Value(shape, origin=x.origin)
    axis = x.axis + len(shape) - x.ndim
    if x.shape[x.axis] != shape[axis]:
        return walk.stopped(call, x, f"{call.where} spreads it over other channels")
    return Value(shape, axis, x.labels)


def _spread_sum(x: Value, shape: Shape) -> Value:
    """A mean over channels, once for each of these channels."""
    assert x.over is not None
    labels = x.over.labels
    wider = [
        axis
        for axis, size in enumerate(shape)
        if size == len(labels) and x.shape[axis - len(shape) + x.ndim] == 1
    ]
    return Value(shape, wider[0], labels) if len(wider) == 1 else Value(shape, origin=x.origin)


@handles("repeat", "tile", numbered=True)
def repeat(walk: Walk, call: Call, given: dict[str, Any]) -> Result:
    """The channels may come out several times, one run after the other."""
    x, shape = given["self"], call.shapes[0]
    if x.labels is None or x.axis is None:
        return Value(shape, origin=x.origin)
    axis = x.axis + len(shape) - x.ndim
    return Value(shape, axis, np.tile(x.labels, shape[axis] // x.shape[x.axis]))


@handles("repeat_interleave")
def repeat_interleave(walk: Walk, call: Call, given: dict[str, Any]) -> Result:
    """Each position comes out several times, one after the other."""
    x, shape = given["self"], call.shapes[0]
    if x.labels is None or x.axis is None:
        return Value(shape, origin=x.origin)
    if not isinstance(given["repeats"], int) or given["dim"] is None:
        return walk.stopped(call, x, f"{call.where} repeats channels by different numbers")
    labels = x.labels
    if int(given["dim"]) % x.ndim == x.axis:
        labels = np.repeat(labels, given["repeats"])
    return walk.passed(call, x, labels)


@handles("rot90")
def rotate(walk: Walk, call: Call, given: dict[str, Any]) -> Result:
    """Two axes change places; space only."""
    x = given["self"]
    if x.axis is not None and x.axis in [int(dim) % x.ndim for dim in given["dims"]]:
        return walk.stopped(call, x, f"{call.where} turns channels into space")
    return walk.passed(call, x)


@handles("flip", "roll")
def reorder(walk: Walk, call: Call, given: dict[str, Any]) -> Result:
    """Positions move within their axis; `roll` moves channels by a number in the user's code."""
    x = given["self"]
    if x.labels is None or x.axis is None:
        return walk.passed(call, x)
    dims = [int(dim) % x.ndim for dim in given["dims"]]
    if x.axis not in dims:
        return walk.passed(call, x)
    if call.op == "flip":
        return walk.passed(call, x, x.labels[::-1].copy())
    return walk.stopped(call, x, f"{call.where} moves channels by a fixed number")


@handles("channel_shuffle", "native_channel_shuffle")
def channel_shuffle(walk: Walk, call: Call, given: dict[str, Any]) -> Result:
    """[g, C/g] read column by column: the same positions must go from every group."""
    x, groups = given["self"], int(given["groups"])
    if x.labels is None or x.axis != 1:
        return walk.stopped(call, x, f"{call.where} shuffles positions")
    grid = x.labels.reshape(groups, -1)
    walk.merge_rows(grid, f"{call.where} mixes {groups} groups")
    return walk.passed(call, x, grid.T.reshape(-1))


@handles("pixel_shuffle", "pixel_unshuffle")
def pixel_shuffle(walk: Walk, call: Call, given: dict[str, Any]) -> Result:
    """r² channels become the r×r pixels of one; or the other way round."""
    x = given["self"]
    if x.labels is None:
        return Value(call.shapes[0], origin=x.origin)
    if x.axis != x.ndim - 3:
        return walk.stopped(call, x, f"{call.where} moves channels into pixels")
    if call.op == "pixel_unshuffle":
        area = int(given["downscale_factor"]) ** 2
        return walk.passed(call, x, np.repeat(x.labels, area))
    area = int(given["upscale_factor"]) ** 2
    note = f"{call.where} makes one channel of {area}"
    return walk.passed(call, x, walk.merge_rows(x.labels.reshape(-1, area).T, note))
