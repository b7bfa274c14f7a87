"""From operators to the layers a device runs: one draft a kernel, its channels still as labels.

How a kind of layer is read stands in its record (`ops/`); here is what all readings share.
Operators that only rename elements (views) are free; what is neither free nor a row a lookup table
can have is kept as `Lost`, to be shown as uncounted.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from math import prod
from typing import Any

from torch import fx

from netadapt.errors import ModelError
from netadapt.graph.computed_weights import LAYERS
from netadapt.graph.extents import Channels, count_of, image_shape
from netadapt.graph.fusing import TRANSPARENT, Fusion
from netadapt.graph.layer_shape import LayerShape, Pair
from netadapt.graph.operator_calls import Call, Program
from netadapt.graph.ops.op_registry import OPS
from netadapt.graph.ops.spec import OpSpec
from netadapt.graph.product_costs import PRODUCTS
from netadapt.graph.walk import Value, Walk

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


@dataclass(frozen=True)
class Kernels:
    """All that a program computes for an image, in the order it runs."""

    drafts: list[Draft]
    lost: list[Lost]
    """What is no row of a lookup table."""
    precomputed: dict[str, int]
    """{layer that hangs on no input: its multiply-accumulates}: done once, before deployment."""


def read_kernels(program: Program, walk: Walk) -> Kernels:
    """The layers of the program, and what is not among them."""
    reader = LayerReader(program, walk)
    precomputed: dict[str, int] = {}
    for call in program.calls:
        if call.node in reader.fusion.absorbed:
            continue
        if call.node in reader.moving:
            reader.read(call)
        elif macs := _macs_of_full(call, walk.given(call)):
            precomputed[reader.title(call)] = macs
    return Kernels(reader.drafts, reader.lost, precomputed)


def _macs_of_full(call: Call, given: dict[str, Any]) -> int:
    """Multiply-accumulates of a layer with a weight, or of a product; 0 of others."""
    if call.op in PRODUCTS:
        return sum(product.macs for product in PRODUCTS[call.op](call, given))
    weight = given.get("weight")
    if call.op not in LAYERS or not isinstance(weight, Value):
        return 0
    places = given["input"].shape if "transpose" in call.op else call.shapes[0]
    return prod(places) * prod(weight.shape[1:])


class LayerReader:
    """Goes through the calls of a program once and collects its layers.

    A record's `read` sees the trace through it: `value` of any node, `fusion` to take in the
    calls behind, `batch`; and ends with `add`, `per_channel` or `lose`.
    """

    def __init__(self, program: Program, walk: Walk) -> None:
        self.walk = walk
        self.fusion = Fusion(program)
        self.drafts: list[Draft] = []
        self.lost: list[Lost] = []
        self._names: dict[str, int] = {}
        self._calls_of = Counter(call.module for call in program.calls)
        # What doesn't depend on an input is computed once, before deployment.
        inputs = [node for node in program.inputs if node not in program.constants]
        self.moving = set(inputs)
        shapes = [self.value(node).shape for node in inputs]
        self.batch = next((shape[0] for shape in shapes if shape), 1)
        for call in program.calls:
            if any(node in self.moving for node in call.node.all_input_nodes):
                self.moving.add(call.node)

    def read(self, call: Call) -> None:
        """Collect the call's layer, or what is lost with it."""
        if call.op in _FREE:
            return
        given = self.walk.given(call)
        spec = self.walk.specs.get(call.op)
        lost = call.op in _MOVES or call.op in PRODUCTS or call.op in self.walk.unknown
        if spec is None and not lost:
            spec = OPS["elementwise"]
        if spec is None or not self._read_as(spec, call, given):
            self._lose_elements(call, given)

    def _read_as(self, spec: OpSpec, call: Call, given: dict[str, Any]) -> bool:
        if spec.read is not None:
            return spec.read(self, call, given)
        shape = None if spec.shape is None else spec.shape(call, given)
        if shape is None:
            return False
        tensors = [value for value in given.values() if isinstance(value, Value)]
        entering = image_shape(next(v for v in tensors if v.parameter is None))[0]
        leaving = image_shape(self.value(call.node))[0]
        found, told = (
            (count_of(entering), count_of(leaving)),
            (shape.in_channels, shape.out_channels),
        )
        if found != told:
            raise ModelError(
                f"{call.where} takes {found[0]} channels and gives {found[1]}, but the shape that "
                f"the OpSpec '{spec.name}' reads has {told[0]} and {told[1]}; correct its `shape`"
            )
        weight = next((value for value in tensors if value.parameter), None)
        name = self.title(call) if weight is None else self.owner(call, weight)
        self.add(name, shape, self.alone(call), entering, leaving, shape.groups)
        return True

    def per_channel(
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
        """A layer that works on each channel of `value` by itself; gives True."""
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
        """A layer, with the labels of its channels."""
        name = self._unique(name)
        self.drafts.append(Draft(name, shape, modules, entering, leaving, groups))

    def lose(
        self,
        call: Call,
        entering: Channels,
        leaving: Channels,
        groups: Channels,
        macs: int,
        elements: int,
    ) -> None:
        """No row describes the call. MACs and elements are each of one channel in and out."""
        name = self._unique(self.title(call))
        self.lost.append(
            Lost(name, call.op, call.module, entering, leaving, groups, macs, elements)
        )

    def _lose_elements(self, call: Call, given: dict[str, Any]) -> None:
        if not call.shapes:
            return
        value = self.value(call.node)
        channels, _ = image_shape(value)
        number = max(1, count_of(channels))
        per_channel = prod(value.shape[1:]) // number
        products = PRODUCTS.get(call.op)
        if products is None:
            self.lose(call, 1, channels, 1, 0, per_channel)
            return
        for index, product in enumerate(products(call, given)):
            leaving: Channels = channels if product.gives_channels else 1
            each = product.macs // self.batch // (count_of(leaving) * count_of(product.summed))
            self.lose(call, product.summed, leaving, 1, each, 0 if index else per_channel)

    def value(self, node: fx.Node) -> Value:
        """What the walk knows of a node's tensor: the first, where it gives several."""
        value = self.walk.values[node]
        return value if isinstance(value, Value) else value[0]

    def owner(self, call: Call, weight: Value) -> str:
        """The module that holds the layer's weight: its name in plans and tables."""
        return (weight.parameter or "").rpartition(".")[0] or call.module

    def title(self, call: Call) -> str:
        """A module's own name where the call is all it does; else `module/op`."""
        if call.module and self._calls_of[call.module] == 1:
            return call.module
        return f"{call.module}/{call.op}" if call.module else call.op

    def alone(self, call: Call) -> tuple[str, ...]:
        """The modules of a kernel that took in no other call."""
        return (call.module,) if call.module else ()

    def _unique(self, name: str) -> str:
        self._names[name] = self._names.get(name, 0) + 1
        return name if self._names[name] == 1 else f"{name}#{self._names[name]}"
