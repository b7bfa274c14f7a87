"""Pooling over windows or whole images, by maximum or mean; the activation column says which.

A mean over all pixels, written as a reduction, is a pooling too. Adaptive pooling to sizes that
don't divide the input's, and three dimensions, are no row of a table.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from netadapt.graph.extents import as_pair, covering_size, image_shape
from netadapt.graph.layer_shape import LayerShape
from netadapt.graph.ops.spec import OpSpec, window_places

if TYPE_CHECKING:
    from torch import Tensor

    from netadapt.graph.layer_reading import LayerReader
    from netadapt.graph.operator_calls import Call

_REDUCTIONS = ("mean", "amax", "sum", "amin", "var", "std", "prod")


def _forward(
    shape: LayerShape, inputs: Sequence[Tensor], weight: Tensor | None, bias: Tensor | None
) -> Tensor:
    from torch.nn import functional

    mode = shape.activation.partition("+")[0]
    window = (shape.kernel, shape.stride, shape.padding)
    if mode == "max":
        pooled: Tensor = functional.max_pool2d(inputs[0], *window, shape.dilation)
        return pooled
    if mode == "avg":
        return functional.avg_pool2d(inputs[0], *window)
    raise NotImplementedError(f"no pooling is called '{mode}'")


def _read(reader: LayerReader, call: Call, given: dict[str, Any]) -> bool:
    return (_reduction if call.op in _REDUCTIONS else _pool)(reader, call, given)


def _pool(reader: LayerReader, call: Call, given: dict[str, Any]) -> bool:
    x = given["self"] if "self" in given else given["input"]
    dims = next(int(digit) for digit in call.op if digit.isdigit())
    if dims > 2:
        return False
    _, size = image_shape(x)
    out = image_shape(reader.value(call.node))[1]
    if "adaptive" in call.op:
        if size[0] % out[0] or size[1] % out[1]:
            return False
        kernel = (size[0] // out[0], size[1] // out[1])
        stride, padding, dilation = (kernel if out != (1, 1) else (1, 1)), (0, 0), (1, 1)
    else:
        kernel = as_pair(given["kernel_size"], dims)
        stride = as_pair(given["stride"], dims) if given["stride"] else kernel
        padding = as_pair(given["padding"], dims, 0)
        dilation = as_pair(given.get("dilation") or [1, 1], dims)
        if dims == 1:
            stride, dilation = (1, stride[1]), (1, dilation[1])
        size = covering_size(size, out, kernel, stride, padding, dilation)
    kind = "max" if "max" in call.op else "avg"
    extent = {"kernel": kernel, "stride": stride, "padding": padding, "dilation": dilation}
    return reader.per_channel(call, "pool", x, kind, reader.alone(call), size=size, **extent)


def _reduction(reader: LayerReader, call: Call, given: dict[str, Any]) -> bool:
    x, dims = given["self"], given.get("dim")
    if dims is None or call.op not in ("mean", "amax"):
        return False
    gone = sorted(int(dim) % x.ndim for dim in ([dims] if isinstance(dims, int) else dims))
    others = [dim for dim in range(1, x.ndim) if dim != (1 if x.axis is None else x.axis)]
    if gone != others or len(others) > 2:
        return False
    kind = "max" if call.op == "amax" else "avg"
    kernel = image_shape(x)[1]
    return reader.per_channel(call, "pool", x, kind, reader.alone(call), kernel=kernel)


POOL = OpSpec(
    "pool",  # a global pool has kernel = input size
    calls=(
        *(
            f"{kind}_pool{n}d"
            for kind in ("max", "avg", "adaptive_avg", "adaptive_max")
            for n in (1, 2, 3)
        ),
        *(f"max_pool{n}d_with_indices" for n in (1, 2, 3)),
        *_REDUCTIONS,
    ),
    read=_read,
    out_size=window_places,
    moded=True,
    forward=_forward,
)
