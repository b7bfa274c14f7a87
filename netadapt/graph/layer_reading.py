"""From operators to the layers a device runs: one draft a kernel, its channels still as labels.

A convolution takes in the batch norm and the activation behind it, an addition the upsampling
before it. Operators that only rename elements (views) are free; what is neither free nor a row a
lookup table can have is kept as `Lost`, to be shown as uncounted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

from torch import fx

from netadapt.graph.extents import (
    Channels,
    as_pair,
    channels_at,
    count_of,
    covering_size,
    image_shape,
)
from netadapt.graph.fusing import TRANSPARENT, Fusion, activation_of
from netadapt.graph.layer_shape import LayerShape, Pair
from netadapt.graph.operator_calls import Call, Program
from netadapt.graph.walk import Value, Walk, cuts_whole_groups

_FREE = TRANSPARENT | frozenset(
    {"view", "reshape", "_unsafe_view", "flatten", "unflatten", "view_as", "reshape_as"}
    | {"squeeze", "unsqueeze", "expand", "expand_as", "broadcast_to", "getitem"}
    | {"_assert_tensor_metadata", "_assert_async", "_assert_scalar", "sym_size"}
)
_MOVES = frozenset(
    {"chunk", "split", "split_with_sizes", "tensor_split", "unbind", "slice", "narrow", "select"}
    | {"repeat", "repeat_interleave", "rot90", "tile", "flip", "roll", "stack", "pixel_unshuffle"}
    | {"pad", "constant_pad_nd"}
    | {"reflection_pad1d", "reflection_pad2d", "replication_pad1d", "replication_pad2d"}
)
_PRODUCTS = frozenset(
    {"matmul", "bmm", "mm", "addmm", "baddbmm", "einsum", "scaled_dot_product_attention"}
)
_NORMS = frozenset({"batch_norm", "layer_norm", "group_norm", "instance_norm", "rms_norm"})
_UPSAMPLES = {
    "upsample_nearest1d": "nearest",
    "upsample_nearest2d": "nearest",
    "_upsample_nearest_exact2d": "nearest",
    "upsample_linear1d": "bilinear",
    "upsample_bilinear2d": "bilinear",
    "upsample_bicubic2d": "bicubic",
}


@dataclass(frozen=True)
class Draft:
    """A layer whose channels are still labels. `shape` holds the traced network's numbers."""

    name: str
    shape: LayerShape
    modules: tuple[str, ...]
    entering: Channels
    leaving: Channels
    groups: Channels


@dataclass(frozen=True)
class Lost:
    """An operator that no lookup-table row describes. MACs = macs_each · in · out / groups."""

    name: str
    op: str
    module: str
    entering: Channels
    leaving: Channels
    groups: Channels
    macs_each: int
    elements_each: int


def read_kernels(program: Program, walk: Walk) -> tuple[list[Draft], list[Lost]]:
    """All layers of the program in the order they run, and what is not among them."""
    reader = _Reader(program, walk)
    for call in program.calls:
        if call.node in reader.moving and call.node not in reader.fusion.absorbed:
            reader.read(call)
    return reader.drafts, reader.lost


class _Reader:
    def __init__(self, program: Program, walk: Walk) -> None:
        self.walk = walk
        self.fusion = Fusion(program)
        self.drafts: list[Draft] = []
        self.lost: list[Lost] = []
        self.names: dict[str, int] = {}
        self.calls_of = Counter(call.module for call in program.calls)
        # What doesn't depend on an input is computed once, before deployment.
        inputs = [n for n, what in program.inputs.items() if what.startswith("the network")]
        self.moving = set(inputs)
        shapes = [self.value(node).shape for node in inputs]
        self.batch = next((shape[0] for shape in shapes if shape), 1)
        for call in program.calls:
            if any(node in self.moving for node in call.node.all_input_nodes):
                self.moving.add(call.node)

    def read(self, call: Call) -> None:
        given = self.walk.given(call)
        reader = _READERS.get(call.op)
        if call.op in _FREE:
            return
        if reader is not None and reader(self, call, given):
            return
        lost = call.op in _MOVES or call.op in _PRODUCTS or call.op in self.walk.unknown
        if reader is None and not lost:
            self.elementwise(call, given)
            return
        self.lose(call, given)

    # One method a kind of kernel; False where no row describes the call.

    def convolution(self, call: Call, given: dict[str, Any]) -> bool:
        x, weight = given["input"], given["weight"]
        dims = weight.ndim - 2
        axis = x.ndim - dims - 1
        entering, leaving = channels_at(x, axis), channels_at(self.value(call.node), axis)
        number = int(given["groups"])
        groups: Channels = number
        per_group = x.shape[axis] // number
        whole = number > 1 and cuts_whole_groups(number, per_group)
        if whole and not isinstance(entering, int):
            groups = entering.reshape(number, per_group)[:, 0]
        kernel, stride, dilation = weight.shape[2:], given["stride"], given["dilation"]
        size, out = x.shape[axis + 1 :], call.shapes[0][axis + 1 :]
        if dims > 2 or (axis == 1 and x.shape[0] != self.batch):
            per = prod(kernel) * prod(size if "transpose" in call.op else out)
            per *= x.shape[0] // self.batch if axis == 1 else 1
            self.lost.append(self.losing(call, entering, leaving, groups, per, prod(out)))
            return True
        stride, dilation = as_pair(stride, dims), as_pair(dilation, dims)
        kernel, size, out = as_pair(kernel, dims), as_pair(size, dims, 1), as_pair(out, dims, 1)
        output_padding: Pair = (0, 0)
        if "transpose" in call.op:
            padding = as_pair(given["padding"], dims, 0)
            output_padding = as_pair(given["output_padding"], dims, 0)
        elif isinstance(given["padding"], str):
            same = given["padding"] == "same"
            total = [same * dilation[i] * (kernel[i] - 1) for i in (0, 1)]
            padding = ((total[0] + 1) // 2, (total[1] + 1) // 2)
            size = covering_size(size, out, kernel, stride, padding, dilation)
        else:
            padding = as_pair(given["padding"], dims, 0)
        op = "conv_transpose2d" if "transpose" in call.op else "conv2d"
        name = (weight.parameter or "").rpartition(".")[0] or call.module
        activation, modules = self.fusion.fuse(call, norm=True)
        shape = LayerShape(
            op,
            x.shape[axis],
            call.shapes[0][axis],
            kernel,
            stride,
            padding,
            dilation,
            number,
            *size,
            activation,
            output_padding,
        )
        self.add(name, shape, modules, entering, leaving, groups)
        return True

    def linear(self, call: Call, given: dict[str, Any]) -> bool:
        x, weight = given["input"], given["weight"]
        if x.axis is not None and x.axis != x.ndim - 1:
            # It mixes positions: how often it runs, not what it reads, follows the channels.
            channels = channels_at(x, x.axis)
            rows_each = prod(x.shape[:-1]) // count_of(channels) // self.batch
            self.lost.append(
                self.losing(
                    call,
                    1,
                    channels,
                    1,
                    rows_each * prod(weight.shape),
                    rows_each * weight.shape[0],
                )
            )
            return True
        rows = list(x.shape[1:-1])
        if x.ndim > 1 and x.shape[0] % self.batch == 0:
            rows.insert(0, x.shape[0] // self.batch)
        height, width = (prod(rows[:-1]), rows[-1]) if len(rows) > 2 else (prod(rows), 1)
        axis = x.ndim - 1
        entering, leaving = channels_at(x, axis), channels_at(self.value(call.node), axis)
        name = (weight.parameter or "").rpartition(".")[0] or call.module
        activation, modules = self.fusion.fuse(call, norm=True)
        sides = ((1, 1), (1, 1), (0, 0), (1, 1), 1)
        shape = LayerShape(
            "linear", weight.shape[1], weight.shape[0], *sides, height, width, activation
        )
        self.add(name, shape, modules, entering, leaving, 1)
        return True

    def addition(self, call: Call, given: dict[str, Any]) -> bool:
        return self.binary(call, given, "add")

    def multiplication(self, call: Call, given: dict[str, Any]) -> bool:
        return self.binary(call, given, "mul")

    def binary(self, call: Call, given: dict[str, Any], op: str) -> bool:
        tensors = [given["self"], given["other"]]
        # A gate cut to one channel, [1, 1, 1, 1], is no scalar: the kernel stays what it was.
        if any(
            not isinstance(v, Value) or (prod(v.shape) <= 1 and len(v.shape) < 2) for v in tensors
        ):
            self.elementwise(call, given)
            return True
        activation, modules = self.fusion.fuse(call)
        self.simple(call, op, self.value(call.node), activation, modules)
        return True

    def upsample(self, call: Call, given: dict[str, Any]) -> bool:
        x, mode = given["input"] if "input" in given else given["self"], _UPSAMPLES[call.op]
        size, out = image_shape(x)[1], image_shape(self.value(call.node))[1]
        if out[0] % size[0] or out[1] % size[1]:
            activation, modules = self.fusion.fuse(call)
            return self.simple(call, "resize", x, mode, modules, kernel=out)
        scale = (out[0] // size[0], out[1] // size[1])
        follower = self.fusion.follower(call.node)
        free = follower is not None and follower.node not in self.fusion.absorbed
        if free and follower is not None and follower.op == "add":
            values = [v for v in self.walk.given(follower).values() if isinstance(v, Value)]
            if len(values) == 2 and values[0].shape == values[1].shape:
                self.fusion.absorbed.add(follower.node)
                activation, modules = self.fusion.fuse(follower)
                modules = tuple(dict.fromkeys(m for m in (call.module, *modules) if m))
                mode = mode if activation == "none" else f"{mode}+{activation}"
                return self.simple(follower, "upsample_add", x, mode, modules, kernel=scale)
        return self.simple(call, "upsample", x, mode, _named(call.module), kernel=scale)

    def pool(self, call: Call, given: dict[str, Any]) -> bool:
        x = given["self"] if "self" in given else given["input"]
        dims = next(int(digit) for digit in call.op if digit.isdigit())
        if dims > 2:
            return False
        _, size = image_shape(x)
        out = image_shape(self.value(call.node))[1]
        kind = "max" if "max" in call.op else "avg"
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
        extent = {"kernel": kernel, "stride": stride, "padding": padding, "dilation": dilation}
        self.simple(call, "pool", x, kind, _named(call.module), size=size, **extent)
        return True

    def reduction(self, call: Call, given: dict[str, Any]) -> bool:
        x, dims = given["self"], given.get("dim")
        if dims is None or call.op not in ("mean", "amax"):
            return False
        gone = sorted(int(dim) % x.ndim for dim in ([dims] if isinstance(dims, int) else dims))
        others = [dim for dim in range(1, x.ndim) if dim != (1 if x.axis is None else x.axis)]
        if gone != others or len(others) > 2:
            return False
        kind = "max" if call.op == "amax" else "avg"
        self.simple(call, "pool", x, kind, _named(call.module), kernel=image_shape(x)[1])
        return True

    def concat(self, call: Call, given: dict[str, Any]) -> bool:
        activation, modules = self.fusion.fuse(call)
        return self.simple(call, "concat", self.value(call.node), activation, modules)

    def pixel_shuffle(self, call: Call, given: dict[str, Any]) -> bool:
        x, out = given["self"], self.value(call.node)
        factor = int(given["upscale_factor"])
        channels, size = image_shape(x)
        leaving, _ = image_shape(out)
        shape = LayerShape(
            "pixel_shuffle", count_of(channels), count_of(leaving), (factor, factor),
            (1, 1), (0, 0), (1, 1), 1, *size,
        )  # fmt: skip
        self.add(self.title(call), shape, _named(call.module), channels, leaving, 1)
        return True

    def shuffle(self, call: Call, given: dict[str, Any]) -> bool:
        x = given["self"]
        if sum(size > 1 for size in x.shape) < 2:
            return True
        return self.simple(call, "shuffle", x, "none", _named(call.module))

    def elementwise(self, call: Call, given: dict[str, Any]) -> None:
        activation, modules = self.fusion.fuse(call) if call.op in _NORMS else ("none", ())
        name = activation_of(call) or call.op
        if activation != "none":
            name = f"{name}+{activation}"
        out = self.value(call.node)
        self.simple(call, "elementwise", out, name, modules or _named(call.module))

    # Shared parts.

    def simple(
        self,
        call: Call,
        op: str,
        value: Value,
        activation: str,
        modules: tuple[str, ...],
        *,
        size: Pair | None = None,
        kernel: Pair = (1, 1),
        stride: Pair = (1, 1),
        padding: Pair = (0, 0),
        dilation: Pair = (1, 1),
    ) -> bool:
        """A layer that works on each channel of `value` by itself."""
        channels, own = image_shape(value)
        number = count_of(channels)
        extent = (kernel, stride, padding, dilation)
        shape = LayerShape(op, number, number, *extent, 1, *(size or own), activation)
        self.add(self.title(call), shape, modules, channels, channels, 1)
        return True

    def add(
        self,
        name: str,
        shape: LayerShape,
        modules: tuple[str, ...],
        entering: Channels,
        leaving: Channels,
        groups: Channels,
    ) -> None:
        name = self.unique(name)
        self.drafts.append(Draft(name, shape, modules, entering, leaving, groups))

    def lose(self, call: Call, given: dict[str, Any]) -> None:
        if not call.shapes:
            return
        value = self.value(call.node)
        channels, _ = image_shape(value)
        macs = _product_macs(call, given) // self.batch
        number = count_of(channels)
        per_channel = prod(value.shape[1:]) // max(1, number)
        self.lost.append(self.losing(call, 1, channels, 1, macs // max(1, number), per_channel))

    def losing(
        self,
        call: Call,
        entering: Channels,
        leaving: Channels,
        groups: Channels,
        macs: int,
        elements: int,
    ) -> Lost:
        name = self.unique(self.title(call))
        return Lost(name, call.op, call.module, entering, leaving, groups, macs, elements)

    def value(self, node: fx.Node) -> Value:
        value = self.walk.values[node]
        return value if isinstance(value, Value) else value[0]

    def title(self, call: Call) -> str:
        """A module's own name where the call is all it does; else `module/op`."""
        if call.module and self.calls_of[call.module] == 1:
            return call.module
        return f"{call.module}/{call.op}" if call.module else call.op

    def unique(self, name: str) -> str:
        self.names[name] = self.names.get(name, 0) + 1
        return name if self.names[name] == 1 else f"{name}#{self.names[name]}"


_READERS: dict[str, Callable[[_Reader, Call, dict[str, Any]], bool]] = {
    **dict.fromkeys(("conv1d", "conv2d", "conv3d"), _Reader.convolution),
    **dict.fromkeys(
        ("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"), _Reader.convolution
    ),
    "linear": _Reader.linear,
    **dict.fromkeys(("add", "sub", "rsub", "subtract"), _Reader.addition),
    **dict.fromkeys(("mul", "multiply"), _Reader.multiplication),
    **dict.fromkeys(_UPSAMPLES, _Reader.upsample),
    **{
        f"{kind}_pool{n}d": _Reader.pool
        for kind in ("max", "avg", "adaptive_avg", "adaptive_max")
        for n in (1, 2, 3)
    },
    **{f"max_pool{n}d_with_indices": _Reader.pool for n in (1, 2, 3)},
    **dict.fromkeys(("mean", "amax", "sum", "amin", "var", "std", "prod"), _Reader.reduction),
    **dict.fromkeys(("cat", "concat", "concatenate"), _Reader.concat),
    "pixel_shuffle": _Reader.pixel_shuffle,
    **dict.fromkeys(
        ("permute", "transpose", "channel_shuffle", "movedim", "swapaxes"), _Reader.shuffle
    ),
}


def _named(module: str) -> tuple[str, ...]:
    return (module,) if module else ()


def _product_macs(call: Call, given: dict[str, Any]) -> int:
    """Multiply-accumulates of matrix products and attention; 0 for anything else."""
    out = prod(call.shapes[0])
    if call.op in ("matmul", "bmm", "mm"):
        first = given["self"]
        return out * int(first.shape[-1] if first.shape else 1)
    if call.op in ("addmm", "baddbmm"):
        factor = given["mat1"] if "mat1" in given else given["batch1"]
        return out * int(factor.shape[-1])
    if call.op == "scaled_dot_product_attention":
        query, key = given["query"], given["key"]
        return int((prod(query.shape) + out) * key.shape[-2])
    if call.op == "einsum":
        sizes: dict[str, int] = {}
        for term, tensor in zip(
            given["equation"].partition("->")[0].split(","), given["tensors"], strict=True
        ):
            letters = term.strip().replace("...", "")
            sizes.update(zip(reversed(letters), reversed(tensor.shape), strict=False))
        return prod(sizes.values())
    return 0
