"""Channel groups: the classes of channels that a walk has found, gathered by what they cut.

Classes that cut the same positions of the same weights are alike and form one `ChannelGroup`;
its width says how many of them are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from math import gcd

import numpy as np

from netadapt.graph.labels import Ints
from netadapt.graph.walk import AxisUse, Walk


@dataclass(frozen=True, eq=False)
class ParamUse:
    """The positions of a parameter's (or buffer's) axis that belong to a channel group.

    `positions` [full_width, m]: row *i* holds the indices along `axis` that go when unit *i* of
    the group goes. `role`: 'out' (the weight makes these channels), 'in' (it reads them) or
    'per_channel' (a norm, a depthwise filter: one entry a channel).
    """

    param: str
    axis: int
    role: str
    positions: Ints


@dataclass(frozen=True)
class ChannelGroup:
    """Channels that are cut together in several layers.

    `width` counts units, of `full_width` in the traced network; a unit is `step` channels of the
    layer that gives the group its name (1 except where grouped convolutions, shuffles or splits
    tie channels to each other). No fewer than `min_width` units may stay. A frozen group keeps
    its width; `reason` says why.
    """

    name: str
    full_width: int
    width: int
    layers: tuple[str, ...]
    frozen: bool
    reason: str
    step: int
    min_width: int = 1
    couplings: tuple[str, ...] = ()
    """Why these layers are cut together, for people: `add in layer1.0`."""
    uses: tuple[ParamUse, ...] = field(default=(), repr=False, compare=False)

    @property
    def channels(self) -> int:
        """Channels of the naming layer at this width."""
        return self.width * self.step

    def allowed_widths(self, multiple: int = 8) -> tuple[int, ...]:
        """The widths the group may take, ascending: channels in multiples of `multiple`, and the
        present width. Only that where the group is frozen."""
        if self.frozen:
            return (self.width,)
        unit = multiple // gcd(multiple, self.step)
        first = -(-self.min_width // unit) * unit
        return (*range(max(first, unit), self.width, unit), self.width)


@dataclass(frozen=True)
class Grouping:
    """All groups of a walk, and the group of every label (−1: of none, or frozen)."""

    groups: tuple[ChannelGroup, ...]
    walk: Walk
    group_of_root: dict[int, int]

    def affine(self, labels: Ints | int) -> tuple[int, dict[int, int]]:
        """How many of `labels` there are: (constant, {group: how many a unit})."""
        if isinstance(labels, int):
            return labels, {}
        indices = [self.group_of_root.get(root, -1) for root in self.walk.labels.find(labels)]
        present, counts = np.unique(np.array(indices, dtype=np.int64), return_counts=True)
        constant, terms = 0, {}
        for index, number in zip(present.tolist(), counts.tolist(), strict=True):
            if index < 0 or self.groups[index].frozen:
                constant += number
            else:
                terms[index] = number // self.groups[index].full_width
        return constant, terms


def form_groups(walk: Walk, tracked: list[Ints], frozen: dict[str, str]) -> Grouping:
    """Gather the walk's classes into groups.

    `tracked` are the labels of tensors whose channels must be countable from the widths (the
    layers' inputs and outputs): classes in one group occur equally often in each. `frozen` adds
    reasons, by the groups' names, to those the walk found.
    """
    uses = list(walk.axes.items())
    arrays = [walk.labels.find(use.labels) for _, use in uses]
    touched: dict[int, list[tuple[int, int]]] = {}
    for index, roots in enumerate([*arrays, *(walk.labels.find(labels) for labels in tracked)]):
        present, counts = np.unique(roots, return_counts=True)
        for root, number in zip(present.tolist(), counts.tolist(), strict=True):
            touched.setdefault(root, []).append((index, number))
    reasons = walk.labels.frozen()
    gathered: dict[tuple[object, ...], list[int]] = {}
    for root, places in touched.items():
        if any(index < len(uses) and uses[index][1].role == "out" for index, _ in places):
            gathered.setdefault((root in reasons, *places), []).append(root)

    notes, least = walk.labels.notes(), walk.labels.least()
    drafts = []
    for members in gathered.values():
        indices = [index for index, _ in touched[members[0]] if index < len(uses)]
        drafts.append(_gather(walk, uses, arrays, indices, members, reasons, notes, least))
    drafts.sort(key=lambda draft: draft.order)
    names = _short_names([draft.group.name for draft in drafts])
    groups, group_of_root = [], {}
    for index, (draft, name) in enumerate(zip(drafts, names, strict=True)):
        reason = draft.group.reason or frozen.get(name, "")
        groups.append(replace(draft.group, name=name, reason=reason, frozen=bool(reason)))
        group_of_root.update(dict.fromkeys(draft.roots, index))
    return Grouping(tuple(groups), walk, group_of_root)


@dataclass(frozen=True)
class _Draft:
    group: ChannelGroup
    roots: list[int]
    order: tuple[int, int]


def _gather(
    walk: Walk,
    uses: Sequence[tuple[tuple[str, int], AxisUse]],
    arrays: list[Ints],
    indices: list[int],
    roots: list[int],
    reasons: dict[int, str],
    notes: dict[int, list[str]],
    least: dict[int, int],
) -> _Draft:
    members = np.array(sorted(roots), dtype=np.int64)
    found: list[ParamUse] = []
    unit_of: dict[int, int] = {}
    layers: list[str] = []
    order, step = (0, 0), 1
    # The units are in the order of the channels of the first weight that makes them.
    lead = next(i for i in indices if walk.axes[uses[i][0]].role == "out")
    wanted = set(roots)
    for root in arrays[lead].tolist():
        if root in wanted and root not in unit_of:
            unit_of[root] = len(unit_of)
    for i in indices:
        (parameter, axis), role = uses[i][0], walk.axes[uses[i][0]].role
        places = np.flatnonzero(np.isin(arrays[i], members))
        units = np.array([unit_of[root] for root in arrays[i][places].tolist()])
        positions = places[np.argsort(units, kind="stable")].reshape(len(unit_of), -1)
        found.append(ParamUse(parameter, axis, role, positions))
        if i == lead:
            order, step = (i, int(places[0])), positions.shape[1]
        layer = parameter.rpartition(".")[0] or parameter
        if role != "in" and len(walk.shapes[parameter]) > 1 and layer not in layers:
            layers.append(layer)
    reason = next((reasons[root] for root in members.tolist() if root in reasons), "")
    if not reason and step > 1 and len(unit_of) < 2:
        reason = f"its {step} channels can only be removed all together"
    min_width = max(least.get(root, 1) for root in members.tolist())
    if not reason and min_width > len(unit_of):
        reason = f"it has only {len(unit_of)} units of {step} channels"
    min_width = min(min_width, len(unit_of))
    couplings = dict.fromkeys(note for root in members.tolist() for note in notes.get(root, []))
    lead_parameter = uses[lead][0][0]
    group = ChannelGroup(
        name=lead_parameter.rpartition(".")[0] or lead_parameter,
        full_width=len(unit_of),
        width=len(unit_of),
        layers=tuple(layers),
        frozen=bool(reason),
        reason=reason,
        step=step,
        min_width=min_width,
        couplings=tuple(couplings),
        uses=tuple(found),
    )
    return _Draft(group, roots, order)


def _short_names(names: list[str]) -> list[str]:
    """Drop trailing numbers (`conv1.3` → `conv1`) where that leaves the names distinct."""
    shorts = [_without_numbers(name) for name in names]
    result = []
    taken: set[str] = set()
    for name, short in zip(names, shorts, strict=True):
        choice = short if shorts.count(short) == 1 else name
        # One layer can make channels of several groups: conv1, conv1#2, …
        unique = next(
            text for n in count(1) if (text := choice if n == 1 else f"{choice}#{n}") not in taken
        )
        taken.add(unique)
        result.append(unique)
    return result


def _without_numbers(name: str) -> str:
    parts = name.split(".")
    while len(parts) > 1 and parts[-1].isdigit():
        parts.pop()
    return ".".join(parts)
