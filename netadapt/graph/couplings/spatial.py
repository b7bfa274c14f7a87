"""Operators over space: pooling, upsampling, padding, and reductions. Channels pass through,
unless the operator works along the channels' own axis; then they are frozen.
"""

from __future__ import annotations

from typing import Any

from netadapt.graph.couplings.pointwise import couple
from netadapt.graph.operator_calls import Call
from netadapt.graph.walk import Result, Value, Walk, handles

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
    """Padding of the channels themselves is a number in the user's code."""
    x = given["self"]
    if x.axis is not None and call.shapes[0][x.axis] != x.shape[x.axis]:
        return walk.stopped(call, x, f"{call.where} pads the channels")
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
        return walk.stopped(call, x, f"{call.where} reduces over the channels")
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
    if x.axis is not None and int(given["dim"]) % x.ndim == x.axis:
        return walk.stopped(call, x, f"{call.where} runs along the channels")
    return walk.passed(call, x)


@handles("glu")
def glu(walk: Walk, call: Call, given: dict[str, Any]) -> Result:
    """The second half of an axis gates the first."""
    x = given["self"]
    if x.axis is None or int(given["dim"]) % x.ndim != x.axis:
        return walk.passed(call, x)
    halves = x.labels.reshape(2, -1)
    return walk.passed(call, x, walk.merge_rows(halves, f"{call.where} gates half the channels"))


@handles("scaled_dot_product_attention")
def attention(walk: Walk, call: Call, given: dict[str, Any]) -> Result:
    """Left whole: queries, keys and values keep their channels."""
    for value in given.values():
        if isinstance(value, Value):
            walk.freeze(value, "attention is left whole")
    return walk.fixed(call, "the output of attention")


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
    "scalar_tensor",
    *("meshgrid", "lift_fresh", "_assert_async"),
    *("_assert_tensor_metadata", "_assert_scalar", "sym_size"),
)
def made(walk: Walk, call: Call, given: dict[str, Any]) -> Result:
    """A tensor of the user's own making: it has no channels to cut."""
    return walk.fixed(call, f"the tensor made by {call.where}")
