"""One walk over a traced network that gives every tensor's channels their labels.

A `Value` is a tensor of the trace with at most one axis whose positions are channels. The
operators' own rules live in `couplings/`, a handler an operator; here is what they share: the
registry, the table of parameter axes, and what happens to an operator nobody handles (the
channels that touch it are frozen, and it is named). An operator added from outside brings its
rule in its `OpSpec`, which goes before the handlers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from netadapt.graph.labels import Ints, Labels
from netadapt.graph.ops.op_registry import specs_by_call

if TYPE_CHECKING:
    from torch import fx

    from netadapt.graph.kept_calls import OverKept
    from netadapt.graph.operator_calls import Call, Program, Shape


@dataclass(frozen=True)
class Over:
    """What a tensor was taken over: labels, and the call that did it."""

    labels: Ints
    where: str


@dataclass(frozen=True)
class Value:
    """A tensor. `labels` has one entry a position of `axis`; both are None if nothing in it can
    be removed, and `origin` then says what it is."""

    shape: Shape
    axis: int | None = None
    labels: Ints | None = None
    parameter: str | None = None
    origin: str = "a fixed tensor"
    recipe: tuple[Value, ...] = ()
    """The parameters that a layer's computed weight is made from."""
    over: Over | None = None
    """Channels that this was taken over, such as those of a mean, until it meets them again."""

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


@dataclass(frozen=True)
class StoredNumber:
    """A number in a module's attribute, or in a tuple there."""

    attribute: str
    index: int | None
    value: int


@dataclass(frozen=True, eq=False)
class Tie:
    """Channels that a module shapes a tensor to, as many as it was given or as others that it has
    shaped: its code may use one number for both, and then both must be cut alike."""

    module: str
    given: Ints
    shaped: Ints


FEW_GROUPS = 4
"""Up to so many groups of a grouped operator are all kept, with fewer channels in each."""

Result = Value | Sequence[Value]
Handler = Callable[["Walk", "Call", dict[str, Any]], Result]


@dataclass(frozen=True)
class _Rule:
    """How an operator is walked over; without a handler it is named as unknown."""

    handler: Handler | None = None
    weighted: bool = False
    """It is given parameters by name (`Value.parameter`); others see one as any tensor."""
    passes_sums: bool = False
    """What was taken over channels stays that behind it, as behind all that is elementwise."""
    numbered: bool = False
    """The user's code gives it sizes, which may stand in the calling module's attributes."""


_RULES: dict[str, _Rule] = {}


def handles(
    *ops: str, weighted: bool = False, passes_sums: bool = False, numbered: bool = False
) -> Callable[[Handler], Handler]:
    """Register a handler for these operators; what else is said of them stands in `_Rule`."""

    def register(handler: Handler) -> Handler:
        rule = _Rule(handler, weighted, passes_sums, numbered)
        _RULES.update(dict.fromkeys(ops, rule))
        return handler

    return register


def cuts_whole_groups(groups: int, each: int) -> bool:
    """Whether a grouped operator loses groups, and not channels of every group."""
    return groups > FEW_GROUPS or each == 1


class Walk:
    """The state of one walk: labels, what each tensor is, and which weights the channels cut."""

    def __init__(self, numbers: Mapping[str, Sequence[StoredNumber]] | None = None) -> None:
        self.specs = specs_by_call()
        """The kinds of layers by torch operator."""
        self.numbers = numbers or {}
        """The numbers that each module holds, by its name."""
        self.guessed: dict[tuple[str, str, int | None], Ints] = {}
        """Stored numbers that may count channels: (module, attribute, index in a tuple)."""
        self.followed: dict[tuple[str, str, int | None], Ints] = {}
        """Those among them that do, as cuts have shown that fail without."""
        self.ties: list[Tie] = []
        self.entered_numbers: dict[tuple[str, str, int | None], Ints] = {}
        """Numbers that equal the channels which their module takes; checks of them, mostly."""
        self.computed: list[tuple[Call, str]] = []
        """Layers whose weight is computed, with the parameter that is cut as the weight is."""
        self.labels = Labels()
        self.values: dict[fx.Node, Result] = {}
        self.shapes: dict[str, Shape] = {}
        self.axes: dict[tuple[str, int], AxisUse] = {}
        self.sizes: list[SizeUse] = []
        self.over_kept: list[OverKept] = []
        """Calls that are taken over channels that may be cut, such as a layer norm."""
        self.unknown: dict[str, list[str]] = {}
        """Operators without a rule, and the modules that call each."""
        self._entered: dict[str, Ints] = {}
        """What the first layer of each module reads."""
        self._shaped: dict[str, dict[int, Ints]] = {}
        """{module: {number of channels: those that it first gave a tensor by this number}}."""
        self._weights: set[str] = set()
        """Parameters that are a layer's weight as they are."""
        self._opaque: dict[str, str] = {}
        """Parameters used where no rule knows how, with the reason that none of their axes goes."""

    def run(self, program: Program) -> None:
        """Give every tensor of `program` its labels; freeze the channels of its outputs."""
        # Here, so that the records in `ops/` load no torch.
        from netadapt.graph.computed_weights import LAYERS, recipes

        for node, name in program.parameters.items():
            self.values[node] = Value(_shape(node), parameter=name)
            self.shapes[name] = _shape(node)
        for node, origin in program.inputs.items():
            self.values[node] = Value(_shape(node), origin=origin)
        made = recipes(program)
        self._weights = {
            program.parameters[weight]
            for call in program.calls
            if call.op in LAYERS and (weight := call.arguments.get("weight")) in program.parameters
        }
        steps = {step for recipe in made.values() for step in recipe.steps}
        for call in program.calls:
            if call.node in made:
                sources = [self.values[node] for node in made[call.node].parameters]
                self.values[call.node] = Value(call.shapes[0], recipe=tuple(_each(sources)))
            elif call.node in steps:
                self.values[call.node] = self.fixed(call, "part of a computed weight")
            elif call.op.startswith("_assert"):
                self.values[call.node] = self.fixed(call, "a check")
            else:
                self.values[call.node] = self._visit(call)
        for node in program.outputs:
            for value in _each(self.values[node]):
                self.freeze(value, "it is the network's output")
                self._end_sum(value)
        for name, reason in self._opaque.items():
            for (parameter, _), use in self.axes.items():
                if parameter == name:
                    self.labels.freeze(use.labels, reason)

    def follow(self, program: Program) -> None:
        """The same network in another mode: its channels count as well, its layers don't."""
        seen = self.over_kept, self.computed, self.unknown
        self.over_kept, self.computed, self.unknown = [], [], {}
        self.run(program)
        self.over_kept, self.computed, self.unknown = seen

    def _visit(self, call: Call) -> Result:
        rule = _rule_of(call)
        handler = self._own(call) or rule.handler
        arguments = self.given(call)
        if handler is None:
            return self._unhandled(call, arguments)
        result = handler(self, call, arguments)
        taken = _each(list(arguments.values()))
        if rule.numbered:
            for value in (*taken, *_each(result)):
                if value.labels is not None:
                    self.guess_number(call, value.labels)
        sums = [value for value in taken if value.over is not None]
        return self._carry_sums(call, sums, result) if sums else result

    def _carry_sums(self, call: Call, sums: list[Value], result: Result) -> Result:
        """What was taken over channels may meet those channels again (x − mean): a norm. Until
        then it may only be computed with; anything else would change what it says."""
        if not isinstance(result, Value) or not _rule_of(call).passes_sums:
            for value in sums:
                self._end_sum(value)
            return result
        present = set() if result.labels is None else set(self.labels.find(result.labels).tolist())
        for value in sums:
            assert value.over is not None
            roots = set(self.labels.find(value.over.labels).tolist())
            if not roots <= present:
                result = replace(result, over=value.over)
        return result

    def _end_sum(self, value: Value) -> None:
        if value.over is not None:
            self.labels.freeze(value.over.labels, f"{value.over.where} runs over the channels")

    def given(self, call: Call) -> dict[str, Any]:
        """The call's arguments with Values where tensors go in."""
        weighted = _rule_of(call).weighted or self._own(call) is not None
        return {name: self._resolve(value, weighted) for name, value in call.arguments.items()}

    def _own(self, call: Call) -> Handler | None:
        """The rule that the operator's record brings."""
        spec = self.specs.get(call.op)
        return None if spec is None else spec.couple

    def _resolve(self, argument: Any, weighted: bool) -> Any:
        from torch import fx  # as in `run`

        if isinstance(argument, fx.Node):
            value = self.values[argument]
            return self.spread(value) if isinstance(value, Value) and not weighted else value
        if isinstance(argument, (list, tuple)):
            return [self._resolve(item, weighted) for item in argument]
        return argument

    def spread(self, value: Value) -> Value:
        """A parameter met outside a layer: its one axis longer than 1 may be channels. Of several
        it is that at the place of an image's channels, [1, C, H, W], or of a token's, [N, C]."""
        name = value.parameter
        if name is None:
            return value
        long = [axis for axis, size in enumerate(value.shape) if size > 1]
        if len(long) > 1 and name in self._weights:
            self._opaque.setdefault(name, f"{name} is used outside a layer that netadapt knows")
        elif long:
            usual = 1 if value.ndim == 4 else value.ndim - 1
            axis = usual if usual in long else long[-1]
            return Value(value.shape, axis, self.tie(value, axis, "per_channel"))
        return Value(value.shape, origin=f"the parameter {name}")

    def _unhandled(self, call: Call, arguments: dict[str, Any]) -> Result:
        reason = f"it touches '{call.op}', an operator that netadapt doesn't handle"
        self.unknown.setdefault(call.op, []).append(call.module)
        for value in _each(list(arguments.values())):
            self.freeze(value, reason)
            self._end_sum(value)
        return self.fixed(call, f"the output of '{call.op}'")

    # What handlers use.

    def enters(self, call: Call, labels: Ints) -> None:
        """Say that the first layer of the calling module, and of those around it, reads these."""
        module = call.module
        while module not in self._entered:
            self._entered[module] = labels
            for number in self.numbers.get(module, ()):
                if number.value == len(labels):
                    self.entered_numbers[module, number.attribute, number.index] = labels
            module = module.rpartition(".")[0]

    def is_told(self, call: Call, size: int) -> bool:
        """Whether the calling module holds this number, or has it from the channels it takes."""
        given = self._entered.get(call.module)
        held = (n.value for n in self.numbers.get(call.module, ()) if n.index is None)
        return size in held or (given is not None and len(given) == size)

    def guess_number(self, call: Call, labels: Ints) -> None:
        """Say that a number which the calling module holds may be the number of these."""
        for number in self.numbers.get(call.module, ()):
            if number.value == len(labels):
                key = (call.module, number.attribute, number.index)
                known = self.guessed.setdefault(key, labels)
                if number.index is None:  # those of a list may differ
                    self._may_be_tied(call.module, known, labels)

    def may_tie(self, call: Call, labels: Ints) -> None:
        """Say that the calling module gives a tensor these channels by their number, which it may
        have from its input, or from a tensor that it shaped before."""
        shaped = self._shaped.setdefault(call.module, {})
        known = [self._entered.get(call.module), shaped.setdefault(len(labels), labels)]
        for given in known:
            if given is not None and len(given) == len(labels):
                self._may_be_tied(call.module, given, labels)

    def _may_be_tied(self, module: str, given: Ints, shaped: Ints) -> None:
        if (self.labels.find(given) != self.labels.find(shaped)).any():
            self.ties.append(Tie(module, given, shaped))

    def take_over(
        self,
        call: Call,
        operands: Mapping[str, tuple[int, Ints]],
        result: tuple[int, Ints] | None = None,
        sizes: Mapping[str, tuple[int, Ints]] | None = None,
    ) -> None:
        """Say that a call is taken over channels, and in a cut network over the kept ones.

        `operands`: {argument: (axis, labels)}; `result`: the same of the output, where it has
        these channels; `sizes`: {argument: (which number of it counts channels, labels)}.
        """
        from netadapt.graph.kept_calls import OverKept  # as in `run`

        self.over_kept.append(OverKept(call, operands, result, sizes or {}))

    def fixed(self, call: Call, origin: str = "") -> Result:
        """The call's output with no channels in it; `origin` says what it is, for people."""
        origin = origin or f"the output of {call.where}"
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

    def stopped(self, call: Call, values: Value | Iterable[Value], reason: str) -> Result:
        """Freeze `values`; what comes out of the call has no channels to cut."""
        for value in (values,) if isinstance(values, Value) else values:
            self.freeze(value, reason)
        return self.fixed(call)

    def tie(self, value: Value, axis: int, role: str, labels: Ints | None = None) -> Ints:
        """Say that `labels` are the positions of a parameter's axis; new labels if None.

        A parameter that several modules share is met several times: its positions are then the
        same channels in all of them.
        """
        assert value.parameter is not None
        return self.tie_name(value.parameter, value.shape, axis, role, labels)

    def tie_name(
        self, parameter: str, shape: Shape, axis: int, role: str, labels: Ints | None = None
    ) -> Ints:
        """As `tie`, for a parameter by its name."""
        key = (parameter, axis)
        known = self.axes.get(key)
        if known is None:
            if labels is None:
                labels = self.labels.fresh(shape[axis])
            self.axes[key] = AxisUse(role, labels)
            return labels
        if labels is not None:
            self.labels.unify(known.labels, labels, f"{parameter} is shared")
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


def _rule_of(call: Call) -> _Rule:
    return _RULES.get(call.op, _Rule())


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
