"""Operators over positions: pooling, upsampling, padding, windows, and reductions.

Channels pass through. Where the operator works along their own axis, they are frozen, or the walk
remembers that it is taken over them, as a mean is.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from netadapt.graph.couplings.pointwise import couple
from netadapt.graph.operator_calls import Call
from netadapt.graph.walk import Over, Result, Value, Walk, handles

_POOLS = tuple(
    f"{kind}_pool{n}d{end}"
    for kind in ("max", "avg", "adaptive_avg", "adaptive_max", "lp")
    for n in (1, 2, 3)
    for end in ("", "_with_indices")
)
_RESIZES = (
    *("upsample_nearest1d", "upsample_nearest2d", "upsample_nearest3d"),
    "_upsample_nearest_exact2d",
    *("upsample_linear1d", "upsample_bilinear2d", "upsample_trilinear3d", "upsample_bicubic2d"),
    *("_upsample_bilinear2d_aa", "_upsample_bicubic2d_aa"),
)
_SOFT = frozenset(("softmax", "log_softmax", "softmin", "_softmax", "_log_softmax"))
"""Whose output says the same, over fewer channels."""
_REDUCTIONS = ("mean", "sum", "amax", "amin", "var", "std", "prod", "logsumexp", "norm")


@handles(*_POOLS, *_RESIZES)
def over_space(walk: Walk, call: Call, given: dict[str, Any]) -> Result:
    """The last one, two or three axes change size, by the number in the operator's name."""
    x = next(value for value in given.values() if isinstance(value, Value))
    dims = next(int(digit) for digit in call.op if digit.isdigit())
    if x.axis is not None and x.axis >= x.ndim - dims:
        return walk.stopped(call, x, f"{call.where} runs along the channels")
    if len(call.shapes) > 1:
        return [walk.passed(call, x) for _ in call.shapes]
    return walk.passed(call, x)


@handles(
    *("pad", "constant_pad_nd", "reflection_pad1d", "reflection_pad2d", "replication_pad1d"),
    *("replication_pad2d", "_pad_circular"),
)
def pad(walk: Walk, call: Call, given: dict[str, Any]) -> Result:
    """Channels that are added are zeros; how many is a number in the user's code."""
    x = given["self"]
    if x.labels is None or x.axis is None or call.shapes[0][x.axis] == x.shape[x.axis]:
        return walk.passed(call, x)
    numbers = list(given["pad"])
    place = 2 * (x.ndim - 1 - x.axis)
    before, after = numbers[place : place + 2]
    if call.op not in ("pad", "constant_pad_nd") or min(before, after) < 0:
        return walk.stopped(call, x, f"{call.where} pads the channels")
    added = [walk.labels.fresh(count) for count in (before, after)]
    for labels in added:
        if len(labels) == len(x.labels):  # as many as there are: the code says so, mostly
            walk.labels.unify(x.labels, labels, call.where)
        else:
            walk.labels.freeze(labels, f"{call.where} adds it, by a number in the network's code")
    return walk.passed(call, x, np.concatenate([added[0], x.labels, added[1]]))


@handles("im2col")
def im2col(walk: Walk, call: Call, given: dict[str, Any]) -> Result:
    """[B, C, H, W] to [B, C · kh · kw, places]: every channel comes out kh · kw times."""
    x = given["self"]
    if x.labels is None or x.axis != x.ndim - 3:
        return walk.stopped(call, x, f"{call.where} takes windows of these channels")
    each = call.shapes[0][-2] // len(x.labels)
    return Value(call.shapes[0], len(call.shapes[0]) - 2, np.repeat(x.labels, each))


@handles("col2im")
def col2im(walk: Walk, call: Call, given: dict[str, Any]) -> Result:
    """The other way round: kh · kw positions make one channel."""
    x = given["self"]
    if x.labels is None or x.axis != x.ndim - 2:
        return walk.stopped(call, x, f"{call.where} puts windows of these channels together")
    rows = x.labels.reshape(call.shapes[0][-3], -1).T
    labels = walk.merge_rows(rows, f"{call.where} makes one channel of {len(rows)}")
    return Value(call.shapes[0], len(call.shapes[0]) - 3, labels)


@handles("unfold")
def unfold(walk: Walk, call: Call, given: dict[str, Any]) -> Result:
    """Windows along one axis, whose places come last."""
    x = given["self"]
    if x.axis is not None and int(given["dimension"]) % x.ndim == x.axis:
        return walk.stopped(call, x, f"{call.where} takes windows along the channels")
    return walk.passed(call, x)


@handles(*_REDUCTIONS, "linalg_vector_norm", "var_mean", "std_mean")
def reduce(walk: Walk, call: Call, given: dict[str, Any]) -> Result:
    """Axes go away or shrink to 1. Over the channels, the result depends on their number."""
    x = given["self"] if "self" in given else given["input"]
    if x.labels is None or x.axis is None:
        return walk.fixed(call, x.origin)
    dims = given.get("dim")
    if dims is None or dims == []:
        dims = list(range(x.ndim))
    gone = {int(dim) % x.ndim for dim in ([dims] if isinstance(dims, int) else dims)}
    if x.axis in gone:
        name = "self" if "self" in given else "input"
        walk.take_over(call, {name: (x.axis, x.labels)})
        over = Over(x.labels, call.where)
        sums = [
            Value(shape, origin=f"the output of {call.where}", over=over) for shape in call.shapes
        ]
        return sums[0] if len(sums) == 1 else sums
    axis = x.axis if given.get("keepdim") else x.axis - sum(dim < x.axis for dim in gone)
    values = [Value(shape, axis, x.labels) for shape in call.shapes]
    return values[0] if len(values) == 1 else values


@handles("max", "min", weighted=True)
def extreme(walk: Walk, call: Call, given: dict[str, Any]) -> Result:
    """Of two tensors position by position, or of one along an axis."""
    if isinstance(given.get("other"), Value):
        return couple(walk, call, [given["self"], given["other"]])
    return reduce(walk, call, {**given, "self": walk.spread(given["self"])})


@handles(
    *("softmax", "log_softmax", "softmin", "cumsum", "_softmax", "_log_softmax"),
    *("cumprod", "logcumsumexp", "diff"),
)
def along_one_axis(walk: Walk, call: Call, given: dict[str, Any]) -> Result:
    """Positions of one axis depend on each other."""
    x = given["self"]
    if x.labels is not None and x.axis is not None and int(given["dim"]) % x.ndim == x.axis:
        if call.op not in _SOFT:
            return walk.stopped(call, x, f"{call.where} runs along the channels")
        walk.take_over(call, {"self": (x.axis, x.labels)}, (x.axis, x.labels))
    return walk.passed(call, x)


@handles("glu")
def glu(walk: Walk, call: Call, given: dict[str, Any]) -> Result:
    """The second half of an axis gates the first."""
    x = given["self"]
    if x.axis is None or int(given["dim"]) % x.ndim != x.axis:
        return walk.passed(call, x)
    halves = x.labels.reshape(2, -1)
    return walk.passed(call, x, walk.merge_rows(halves, f"{call.where} gates half the channels"))


@handles("grid_sampler")
def sample(walk: Walk, call: Call, given: dict[str, Any]) -> Result:
    """Reads x [B, C, H, W] at the positions of a grid [B, H', W', 2]."""
    x, grid = given["input"], given["grid"]
    walk.freeze(grid, f"{call.where} takes it as positions")
    if x.axis is not None and x.axis != 1:
        return walk.stopped(call, x, f"{call.where} runs along the channels")
    return walk.passed(call, x)


@handles(
    *("zeros", "ones", "empty", "full", "arange", "linspace", "eye", "rand", "randn"),
    *("scalar_tensor", "meshgrid", "lift_fresh", "sym_size"),
)
def made(walk: Walk, call: Call, given: dict[str, Any]) -> Result:
    """A tensor of the user's own making: it has no channels to cut."""
    return walk.fixed(call, f"the tensor made by {call.where}")
