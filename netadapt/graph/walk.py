"""One walk over a traced network that gives every tensor's channels their labels.

A `Value` is a tensor of the trace with at most one axis whose positions are channels. The
operators' own rules live in `couplings/`, a handler an operator; here is what they share: the
registry, the table of parameter axes, and what happens to an operator nobody handles (the
channels that touch it are frozen, and it is named). An operator added from outside brings its
rule in its `OpSpec`, which goes before the handlers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from netadapt.graph.labels import Ints, Labels
from netadapt.graph.ops.op_registry import specs_by_call

if TYPE_CHECKING:
    from torch import fx

    from netadapt.graph.operator_calls import Call, Program, Shape


@dataclass(frozen=True)
class Value:
    """A tensor. `labels` has one entry a position of `axis`; both are None if nothing in it can
    be removed, and `origin` then says what it is."""

    shape: Shape
    axis: int | None = None
    labels: Ints | None = None
    parameter: str | None = None
    origin: str = "a fixed tensor"

    @property
    def ndim(self) -> int:
        return len(self.shape)


@dataclass(frozen=True)
class AxisUse:
    """An axis of a parameter whose positions are channels."""

    role: str
    labels: Ints


@dataclass(frozen=True)
class SizeUse:
    """A module's attribute that counts channels: `conv1.out_channels`; `index` in a tuple."""

    module: str
    attribute: str
    index: int | None
    labels: Ints


FEW_GROUPS = 4
"""Up to so many groups of a grouped operator are all kept, with fewer channels in each."""

Result = Value | Sequence[Value]
Handler = Callable[["Walk", "Call", dict[str, Any]], Result]

_HANDLERS: dict[str, Handler] = {}
_WEIGHTED: set[str] = set()


def handles(*ops: str, weighted: bool = False) -> Callable[[Handler], Handler]:
    """Register a handler. A `weighted` one is given parameters by name (`Value.parameter`);
    others see a parameter as a tensor with labels like any other."""

    def register(handler: Handler) -> Handler:
        for op in ops:
            _HANDLERS[op] = handler
            if weighted:
                _WEIGHTED.add(op)
        return handler

    return register


def cuts_whole_groups(groups: int, each: int) -> bool:
    """Whether a grouped operator loses groups, and not channels of every group."""
    return groups > FEW_GROUPS or each == 1


class Walk:
    """The state of one walk: labels, what each tensor is, and which weights the channels cut."""

    def __init__(self) -> None:
        self.specs = specs_by_call()
        """The kinds of layers by torch operator."""
        self.labels = Labels()
        self.values: dict[fx.Node, Result] = {}
        self.shapes: dict[str, Shape] = {}
        self.axes: dict[tuple[str, int], AxisUse] = {}
        self.sizes: list[SizeUse] = []
        self.statistics: list[tuple[str, Ints]] = []
        """(weight, labels): norms whose mean and variance run over channels that may be cut."""
        self.unknown: dict[str, list[str]] = {}
        self._opaque: dict[str, str] = {}

    def run(self, program: Program) -> None:
        """Give every tensor of `program` its labels; freeze the channels of its outputs."""
        for node, name in program.parameters.items():
            self.values[node] = Value(_shape(node), parameter=name)
            self.shapes[name] = _shape(node)
        for node, origin in program.inputs.items():
            self.values[node] = Value(_shape(node), origin=origin)
        for call in program.calls:
            self.values[call.node] = self._visit(call)
        for node in program.outputs:
            for value in _each(self.values[node]):
                self.freeze(value, "it is the network's output")
        for name, reason in self._opaque.items():
            for (parameter, _), use in self.axes.items():
                if parameter == name:
                    self.labels.freeze(use.labels, reason)

    def _visit(self, call: Call) -> Result:
        handler = self._own(call) or _HANDLERS.get(call.op)
        arguments = self.given(call)
        if handler is None:
            return self._unhandled(call, arguments)
        return handler(self, call, arguments)

    def given(self, call: Call) -> dict[str, Any]:
        """The call's arguments with Values where tensors go in."""
        weighted = call.op in _WEIGHTED or self._own(call) is not None
        return {name: self._resolve(value, weighted) for name, value in call.arguments.items()}

    def _own(self, call: Call) -> Handler | None:
        """The rule that the operator's record brings."""
        spec = self.specs.get(call.op)
        return None if spec is None else spec.couple

    def _resolve(self, argument: Any, weighted: bool) -> Any:
        from torch import fx  # here, so that the records in `ops/` load no torch

        if isinstance(argument, fx.Node):
            value = self.values[argument]
            return self.spread(value) if isinstance(value, Value) and not weighted else value
        if isinstance(argument, (list, tuple)):
            return [self._resolve(item, weighted) for item in argument]
        return argument

    def spread(self, value: Value) -> Value:
        """A parameter met outside a layer: its one axis longer than 1 may be channels."""
        name = value.parameter
        if name is None:
            return value
        long = [axis for axis, size in enumerate(value.shape) if size > 1]
        if len(long) == 1:
            use = self.tie(value, long[0], "per_channel")
            return Value(value.shape, long[0], use)
        if long:
            self._opaque.setdefault(name, f"{name} is used outside a layer that netadapt knows")
        return Value(value.shape, origin=f"the parameter {name}")

    def _unhandled(self, call: Call, arguments: dict[str, Any]) -> Result:
        reason = f"it touches '{call.op}', an operator that netadapt doesn't handle"
        self.unknown.setdefault(call.op, []).append(call.module)
        for value in _each(list(arguments.values())):
            self.freeze(value, reason)
        return self.fixed(call, f"the output of '{call.op}'")

    # What handlers use.

    def fixed(self, call: Call, origin: str) -> Result:
        """The call's output with no channels in it."""
        values = [Value(shape, origin=origin) for shape in call.shapes]
        return values[0] if len(values) == 1 else values

    def passed(self, call: Call, value: Value, labels: Ints | None = None) -> Value:
        """The call's output with the channels of `value`, at the same axis."""
        labels = value.labels if labels is None else labels
        return replace(value, shape=call.shapes[0], labels=labels, parameter=None)

    def freeze(self, value: Value, reason: str) -> None:
        """Forbid every cut of the channels in `value`."""
        if value.parameter:
            self._opaque.setdefault(value.parameter, reason)
        if value.labels is not None:
            self.labels.freeze(value.labels, reason)

    def stopped(self, call: Call, value: Value, reason: str) -> Result:
        """Freeze `value`; what comes out of the call has no channels to cut."""
        self.freeze(value, reason)
        return self.fixed(call, f"the output of {call.where}")

    def tie(self, value: Value, axis: int, role: str, labels: Ints | None = None) -> Ints:
        """Say that `labels` are the positions of a parameter's axis; new labels if None.

        A parameter that several modules share is met several times: its positions are then the
        same channels in all of them.
        """
        assert value.parameter is not None
        key = (value.parameter, axis)
        known = self.axes.get(key)
        if known is None:
            if labels is None:
                labels = self.labels.fresh(value.shape[axis])
            self.axes[key] = AxisUse(role, labels)
            return labels
        if labels is not None:
            note = f"{value.parameter} is shared"
            self.labels.unify(known.labels, labels, note)
        return known.labels

    def pin(self, value: Value | None, axis: int, role: str, reason: str) -> None:
        """Say that no position of a parameter's axis may be cut."""
        if value is not None and value.parameter:
            self.labels.freeze(self.tie(value, axis, role), reason)

    def size(self, call: Call, attribute: str, labels: Ints, index: int | None = None) -> None:
        """Say that an attribute of the calling module counts `labels`."""
        self.sizes.append(SizeUse(call.module, attribute, index, labels))

    def keep_groups(self, grid: Ints, call: Call, attribute: str, owner: str) -> Ints:
        """Couple the channels of a grouped operator; `grid` [groups, channels a group].

        Few groups stay, and the same positions are cut from each; of many, whole groups are cut
        and `attribute` follows. A network that is cut and traced again must be read the same
        way, so many never become few, and no group is left alone. Gives the labels of the groups
        where those are cut, else those of the positions.
        """
        groups, each = grid.shape
        if cuts_whole_groups(groups, each):
            note = "is depthwise" if each == 1 else f"has {groups} groups of {each}"
            heads = self.merge_rows(grid.T, f"{owner} {note}")
            self.labels.note(heads, f"{owner} {note}")
            self.labels.keep_at_least(heads, 2 if each == 1 else FEW_GROUPS + 1)
            self.size(call, attribute, heads)
            return heads
        return self.merge_rows(grid, f"{owner} keeps its {groups} groups equal")

    def merge_rows(self, grid: Ints, note: str) -> Ints:
        """Unify the rows of `grid` [n, m] position by position; one row is given back."""
        first: Ints = grid[0]
        for row in grid[1:]:
            self.labels.unify(first, row, note)
        if len(grid) > 1:
            # One unit of several channels could not be told from channels that never come apart.
            self.labels.keep_at_least(first, 2)
        return first

    def varies(self, labels: Ints, axis: int) -> bool:
        """Whether labels in an array of any shape differ along `axis`."""
        roots = self.labels.find(labels)
        return bool((roots != np.take(roots, [0], axis)).any())


def _shape(node: fx.Node) -> Shape:
    value = node.meta.get("val")
    return tuple(int(size) for size in getattr(value, "shape", ()))


def _each(value: Any) -> list[Value]:
    """All Values in nested lists."""
    if isinstance(value, Value):
        return [value]
    if isinstance(value, (list, tuple)):
        return [item for part in value for item in _each(part)]
    return []
