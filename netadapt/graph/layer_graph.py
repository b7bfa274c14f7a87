"""`LayerGraph`: what a network's layers and channel groups are, at any widths.

A layer's channels are affine in the groups' widths, so a graph at other widths is a small matrix
product away; no weight is touched. Graphs are immutable and share one `Blueprint`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod

import numpy as np

from netadapt.errors import ModelError
from netadapt.graph.computed_weights import ComputedWeight
from netadapt.graph.extents import Channels
from netadapt.graph.groups import ChannelGroup, Grouping
from netadapt.graph.kept_calls import KeptCall
from netadapt.graph.labels import Ints
from netadapt.graph.layer_reading import Kernels
from netadapt.graph.layer_shape import LayerShape
from netadapt.graph.walk import SizeUse
from netadapt.large_numbers import in_three_digits


@dataclass(frozen=True, slots=True)
class Layer:
    """One kernel as a deployed network runs it: a convolution with its folded norm, …"""

    name: str
    shape: LayerShape
    modules: tuple[str, ...]
    """The modules of the network whose work it does, in order."""

    @property
    def macs(self) -> int:
        """Multiply-accumulates for one image."""
        return self.shape.macs


@dataclass(frozen=True, slots=True)
class Uncounted:
    """An operator that no lookup table has rows for, with its share of the network."""

    name: str
    op: str
    module: str
    macs: int
    elements: int
    """Output elements for one image."""
    macs_share: float
    """Of all the network's multiply-accumulates, 0 … 1."""

    def __str__(self) -> str:
        return f"{self.name} ({self.macs_share:.1%} of the multiply-accumulates)"


@dataclass(frozen=True)
class AttributeSize:
    """A module's attribute that counts channels: constant + Σ terms[group] · width."""

    module: str
    attribute: str
    index: int | None
    constant: int
    terms: dict[str, int]

    def at(self, widths: Mapping[str, int]) -> int:
        """What it says where the groups, by name, are this wide."""
        return self.constant + sum(m * widths[name] for name, m in self.terms.items())


class Blueprint:
    """What all widths of a network share. Built once by a trace."""

    def __init__(
        self,
        network: str,
        input_shapes: tuple[tuple[int, ...], ...],
        grouping: Grouping,
        kernels: Kernels,
        parameters: Mapping[str, tuple[int, ...]],
        learnable: Iterable[str],
        unreached: tuple[str, ...],
    ) -> None:
        self.network = network
        self.input_shapes = input_shapes
        self.unreached = unreached
        self.groups = grouping.groups
        self.parts: dict[str, tuple[tuple[str, int], ...]] = {
            group.name: () if group.frozen else ((group.name, 1),) for group in self.groups
        }
        """The groups of a trace without proof that each is made of, and their units in one."""
        self.indices = {g.name: i for i, g in enumerate(self.groups)}
        self.shapes = dict(parameters)
        self.unknown = {op: tuple(where) for op, where in grouping.walk.unknown.items()}
        self.kept_calls = tuple(KeptCall.of(found, grouping) for found in grouping.walk.over_kept)
        self.computed_weights = tuple(
            ComputedWeight.of(call, name, grouping) for call, name in grouping.walk.computed
        )
        self.factors_follow = False
        """Whether numbers that the code scales by follow the widths."""
        self.followed = tuple(grouping.walk.followed)
        """Numbers that modules hold, of which trials have shown that they follow widths."""
        self.sizes = self._attribute_sizes(grouping)

        drafts, lost = kernels.drafts, kernels.lost
        self.precomputed = kernels.precomputed
        self.unseen: dict[str, int] = {}
        """Multiply-accumulates that no call of the trace accounts for, by module."""
        rows: list[Channels] = []
        for draft in drafts:
            rows += [draft.entering, draft.leaving, draft.groups]
        for item in lost:
            rows += [item.entering, item.leaving, item.groups]
        self.constants, self.terms = _affine_rows(grouping, rows)
        self.names = [draft.name for draft in drafts]
        self.layer_shapes = [draft.shape for draft in drafts]
        self.modules = [draft.modules for draft in drafts]
        self.lost = [
            (item.name, item.op, item.module, item.macs_each, item.elements_each) for item in lost
        ]
        self.memo: list[dict[tuple[int, int, int], tuple[Layer, int]]] = [{} for _ in drafts]
        self._count_parameters(grouping, learnable)

    @property
    def run_call_by_call(self) -> bool:
        """Whether some calls of the full network are not what they are in a cut one."""
        return bool(self.kept_calls or self.computed_weights or self.factors_follow)

    def _attribute_sizes(self, grouping: Grouping) -> tuple[AttributeSize, ...]:
        sizes = {}
        followed = [SizeUse(*key, labels) for key, labels in grouping.walk.followed.items()]
        for use in (*followed, *grouping.walk.sizes):  # what is known goes before
            constant, terms = grouping.affine(use.labels)
            if terms:
                named = {self.groups[i].name: m for i, m in terms.items()}
                size = AttributeSize(use.module, use.attribute, use.index, constant, named)
                sizes[use.module, use.attribute, use.index] = size
        return tuple(sizes.values())

    def _count_parameters(self, grouping: Grouping, learnable: Iterable[str]) -> None:
        """Split every learnable parameter into a fixed part and up to two axes that follow."""
        self.fixed_params = 0
        others: list[int] = []
        rows: list[Channels] = []
        axes: dict[str, list[int]] = {}
        for parameter, axis in grouping.walk.axes:
            axes.setdefault(parameter, []).append(axis)
        for name in learnable:
            shape = self.shapes[name]
            live = [
                axis
                for axis in axes.get(name, [])
                if grouping.affine(grouping.walk.axes[name, axis].labels)[1]
            ]
            if not live:
                self.fixed_params += prod(shape)
                continue
            others.append(prod(size for axis, size in enumerate(shape) if axis not in live))
            labels: list[Channels] = [grouping.walk.axes[name, axis].labels for axis in live]
            rows += [*labels, *[1] * (2 - len(labels))]
        self.param_factors = np.array(others, dtype=np.int64)
        self.param_constants, self.param_terms = _affine_rows(grouping, rows)

    def __getstate__(self) -> dict[str, object]:
        state = dict(self.__dict__)
        state["memo"] = [{} for _ in self.memo]
        return state


def _affine_rows(grouping: Grouping, rows: list[Channels]) -> tuple[Ints, Ints]:
    constants = np.zeros(len(rows), dtype=np.int64)
    terms = np.zeros((len(rows), len(grouping.groups)), dtype=np.int64)
    for i, row in enumerate(rows):
        constants[i], found = grouping.affine(row)
        for index, factor in found.items():
            terms[i, index] = factor
    return constants, terms


@dataclass(frozen=True, eq=False)
class LayerGraph:
    """A network's layers and channel groups at given widths.

    Made by `trace`; `with_widths` gives the same network at other widths.
    """

    blueprint: Blueprint
    _widths: tuple[int, ...]

    @property
    def network(self) -> str:
        """The name of the traced network's class."""
        return self.blueprint.network

    @property
    def input_shapes(self) -> tuple[tuple[int, ...], ...]:
        """Shapes of the example inputs that the network was traced with."""
        return self.blueprint.input_shapes

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """One layer a kernel, in the order they run."""
        return tuple(layer for layer, _ in self._built)

    @cached_property
    def groups(self) -> tuple[ChannelGroup, ...]:
        """All channel groups, frozen ones too, in the order of the layers that make them."""
        return tuple(
            group if group.width == width else replace(group, width=width)
            for group, width in zip(self.blueprint.groups, self._widths, strict=True)
        )

    def group(self, name: str) -> ChannelGroup:
        """The group of that name. Raises ModelError naming the groups there are."""
        return self.groups[self._index(name)]

    @property
    def widths(self) -> dict[str, int]:
        """The width of every group that isn't frozen."""
        return {
            group.name: width
            for group, width in zip(self.blueprint.groups, self._widths, strict=True)
            if not group.frozen
        }

    @property
    def unproved_widths(self) -> dict[str, int]:
        """The widths of the groups that a trace without `verify` has and holds for free.

        It joins fewer groups, and freezes fewer: one that was cut, and may be cut no further, too.
        """
        parts = self.blueprint.parts
        return {
            name: each * group.width for group in self.groups for name, each in parts[group.name]
        }

    @cached_property
    def macs(self) -> int:
        """Multiply-accumulates for one image, of everything, uncounted operators too."""
        return sum(macs for _, macs in self._built) + sum(item.macs for item in self.uncounted)

    @cached_property
    def params(self) -> int:
        """Learnable parameters, those of norms too: what `model.parameters()` holds."""
        plan = self.blueprint
        sizes = plan.param_constants + plan.param_terms @ self._vector
        pairs = sizes.reshape(-1, 2)
        return plan.fixed_params + int((plan.param_factors * pairs[:, 0] * pairs[:, 1]).sum())

    @cached_property
    def uncounted(self) -> tuple[Uncounted, ...]:
        """Operators that are no row of a lookup table, with their share."""
        plan = self.blueprint
        found = []
        for i, (name, op, module, macs_each, elements_each) in enumerate(plan.lost):
            entering, leaving, groups = self._channels[len(plan.names) + i]
            macs = macs_each * entering * leaving // groups
            found.append((name, op, module, macs, elements_each * leaving))
        for module, macs in plan.unseen.items():
            found.append((f"{module or plan.network}/unseen", "unseen", module, macs, 0))
        total = sum(macs for _, macs in self._built) + sum(macs for _, _, _, macs, _ in found)
        return tuple(
            Uncounted(name, op, module, macs, elements, macs / total if total else 0.0)
            for name, op, module, macs, elements in found
        )

    @property
    def followed_numbers(self) -> tuple[tuple[str, str], ...]:
        """(module, attribute): sizes of the network's own that follow widths, as trials showed."""
        sizes = self.blueprint.sizes
        followed = {(module, attribute) for module, attribute, _ in self.blueprint.followed}
        places = ((size.module, size.attribute) for size in sizes)
        return tuple(dict.fromkeys(place for place in places if place in followed))

    @property
    def unknown(self) -> dict[str, tuple[str, ...]]:
        """Operators that have no rule for channels, and the modules that call them."""
        return self.blueprint.unknown

    @property
    def precomputed(self) -> dict[str, int]:
        """Layers that hang on no input, with their multiply-accumulates in the traced network: a
        deployed network has their result as a constant, so they count as nothing."""
        return self.blueprint.precomputed

    @property
    def unreached(self) -> tuple[str, ...]:
        """Parameters that nothing reads in evaluation mode: auxiliary heads, mostly."""
        return self.blueprint.unreached

    def with_widths(self, widths: Mapping[str, int]) -> LayerGraph:
        """The same network at other widths; groups not named keep theirs.

        Raises ModelError for a group that doesn't exist or is frozen, or a width outside
        min_width … full_width.
        """
        changed = list(self._widths)
        for name, width in widths.items():
            index = self._index(name)
            group = self.blueprint.groups[index]
            if width == changed[index]:
                continue
            if group.frozen:
                raise ModelError(
                    f"group {name} keeps its width of {group.full_width}: {group.reason}; "
                    f"leave it out"
                )
            if not group.min_width <= width <= group.full_width:
                raise ModelError(
                    f"width {width} of group {name} is out of range: expected "
                    f"{group.min_width} to {group.full_width}"
                )
            if not group.takes(width):
                raise ModelError(
                    f"group {name} can't be {width} wide: the network's code works at "
                    f"{', '.join(map(str, group.only_widths))}"
                )
            changed[index] = int(width)
        return LayerGraph(self.blueprint, tuple(changed))

    def __repr__(self) -> str:
        free = len(self.widths)
        return (
            f"LayerGraph({self.network}: {len(self.blueprint.names)} layers, {free} of "
            f"{len(self._widths)} channel groups free, {in_three_digits(self.macs, 'MACs')}, "
            f"{in_three_digits(self.params)} parameters)"
        )

    def __getstate__(self) -> tuple[Blueprint, tuple[int, ...]]:
        return self.blueprint, self._widths

    def __setstate__(self, state: tuple[Blueprint, tuple[int, ...]]) -> None:
        for name, value in zip(("blueprint", "_widths"), state, strict=True):
            object.__setattr__(self, name, value)

    def _index(self, name: str) -> int:
        index = self.blueprint.indices.get(name)
        if index is None:
            raise ModelError(
                f"{self.network} has no channel group '{name}'; it has "
                f"{', '.join(self.blueprint.indices) or 'none'}"
            )
        return index

    @cached_property
    def _vector(self) -> Ints:
        return np.array(self._widths, dtype=np.int64)

    @cached_property
    def _channels(self) -> list[tuple[int, int, int]]:
        """(in, out, groups) of every layer, then of every uncounted operator."""
        plan = self.blueprint
        numbers = (plan.constants + plan.terms @ self._vector).tolist()
        steps = iter(numbers)
        return list(zip(steps, steps, steps, strict=True))

    @cached_property
    def _built(self) -> list[tuple[Layer, int]]:
        plan = self.blueprint
        built = []
        for i, (memo, key) in enumerate(zip(plan.memo, self._channels, strict=False)):
            entry = memo.get(key)
            if entry is None:
                entering, leaving, groups = key
                shape = replace(
                    plan.layer_shapes[i],
                    in_channels=entering,
                    out_channels=leaving,
                    groups=groups,
                )
                entry = memo[key] = (Layer(plan.names[i], shape, plan.modules[i]), shape.macs)
            built.append(entry)
        return built
