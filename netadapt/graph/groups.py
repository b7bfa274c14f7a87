"""Channel groups: the classes of channels that a walk has found, gathered by what they cut.

Classes that cut the same positions of the same weights are alike and form one `ChannelGroup`;
its width says how many of them are kept.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from math import gcd

import numpy as np

from netadapt.graph.labels import Ints
from netadapt.graph.walk import Walk


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
    only_widths: tuple[int, ...] = ()
    """The widths that the network's code can take, ascending; empty where it takes any."""
    couplings: tuple[str, ...] = ()
    """Why these layers are cut together, for people: `add in layer1.0`."""
    uses: tuple[ParamUse, ...] = field(default=(), repr=False, compare=False)

    @property
    def touched(self) -> frozenset[str]:
        """The modules whose parameters have these channels, those that read them too."""
        return frozenset(use.param.rpartition(".")[0] for use in self.uses)

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
        widths = range(max(first, unit), self.width, unit)
        return (*(width for width in widths if self.takes(width)), self.width)

    def takes(self, width: int) -> bool:
        """Whether a group that isn't frozen may have so many units."""
        within = self.min_width <= width <= self.full_width
        return within and (not self.only_widths or width in self.only_widths)


@dataclass(frozen=True)
class Grouping:
    """All groups of a walk, and the group of every label (−1: of none, or frozen)."""

    groups: tuple[ChannelGroup, ...]
    walk: Walk
    group_of_root: dict[int, int]
    unit_of_root: dict[int, int]

    def units(self, labels: Ints) -> tuple[Ints, Ints]:
        """The group of each label (−1: of none), and its unit in that group."""
        roots = self.walk.labels.find(labels).tolist()
        groups = [self.group_of_root.get(root, -1) for root in roots]
        units = [self.unit_of_root.get(root, -1) for root in roots]
        return np.array(groups, dtype=np.int64), np.array(units, dtype=np.int64)

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

    def parts(self, first: Grouping) -> dict[str, tuple[tuple[str, int], ...]]:
        """The free groups of an earlier grouping of the same walk that each of these is made of,
        with how many of their units make one of its."""
        parts: dict[str, tuple[tuple[str, int], ...]] = {group.name: () for group in self.groups}
        for part in (group for group in first.groups if not group.frozen):
            root = self.walk.labels.find(first._unit_labels(part.name)[:1])
            group = self.groups[self.group_of_root[int(root[0])]]
            parts[group.name] += ((part.name, part.full_width // group.full_width),)
        return parts

    def unify(self, names: Sequence[str], note: str) -> None:
        """Put the units of these groups, equally many each, into one class a unit."""
        labels = [self._unit_labels(name) for name in names]
        for other in labels[1:]:
            self.walk.labels.unify(labels[0], other, note)

    def _unit_labels(self, name: str) -> Ints:
        """A label of every unit of the group."""
        group = next(group for group in self.groups if group.name == name)
        use = next(use for use in group.uses if use.role == "out")
        return self.walk.axes[use.param, use.axis].labels[use.positions[:, 0]]


def form_groups(
    walk: Walk,
    tracked: list[Ints],
    frozen: Mapping[str, str],
    only_widths: Mapping[str, tuple[int, ...]],
) -> Grouping:
    """Gather the walk's classes into groups.

    `tracked` are the labels of tensors whose channels must be countable from the widths (the
    layers' inputs and outputs): classes in one group occur equally often in each. `frozen` adds
    reasons, by the groups' names, to those the walk found; `only_widths` are those of a group
    that can't take every one.
    """
    found = _Found.of(walk)
    counted = [*found.roots, *(walk.labels.find(labels) for labels in tracked)]
    touched: dict[int, list[tuple[int, int]]] = {}
    for index, roots in enumerate(counted):
        present, counts = np.unique(roots, return_counts=True)
        for root, number in zip(present.tolist(), counts.tolist(), strict=True):
            touched.setdefault(root, []).append((index, number))
    gathered: dict[tuple[object, ...], list[int]] = {}
    for root, places in touched.items():
        if any(i < len(found.uses) and found.uses[i].role == "out" for i, _ in places):
            gathered.setdefault((root in found.reasons, *places), []).append(root)

    drafts = []
    for members in gathered.values():
        indices = [index for index, _ in touched[members[0]] if index < len(found.uses)]
        drafts.append(found.draft(indices, sorted(members)))
    drafts.sort(key=lambda draft: draft.order)
    names = _short_names([draft.group.name for draft in drafts])
    groups: list[ChannelGroup] = []
    group_of_root: dict[int, int] = {}
    unit_of_root: dict[int, int] = {}
    for index, (draft, name) in enumerate(zip(drafts, names, strict=True)):
        reason = draft.group.reason or frozen.get(name, "")
        groups.append(
            replace(
                draft.group,
                name=name,
                reason=reason,
                frozen=bool(reason),
                only_widths=only_widths.get(name, ()),
            )
        )
        group_of_root.update(dict.fromkeys(draft.unit_of, index))
        unit_of_root |= draft.unit_of
    return Grouping(tuple(groups), walk, group_of_root, unit_of_root)


@dataclass(frozen=True)
class _Draft:
    group: ChannelGroup
    unit_of: dict[int, int]
    """{root of a class: the unit that it is}."""
    order: tuple[int, int]


@dataclass(frozen=True)
class _Use:
    """An axis of a parameter that the walk met; a `weight` has several axes, a bias one."""

    param: str
    axis: int
    role: str
    weight: bool

    @property
    def owner(self) -> str:
        """The module that holds the parameter."""
        return re.sub(r"\.parametrizations\..*", "", self.param.rpartition(".")[0]) or self.param


@dataclass(frozen=True)
class _Found:
    """What a walk has found, by the roots of its labels' classes."""

    uses: list[_Use]
    roots: list[Ints]
    """Of each use, along its axis."""
    reasons: dict[int, str]
    notes: dict[int, list[str]]
    least: dict[int, int]

    @classmethod
    def of(cls, walk: Walk) -> _Found:
        labels = walk.labels
        uses = [
            _Use(param, axis, use.role, len(walk.shapes[param]) > 1)
            for (param, axis), use in walk.axes.items()
        ]
        roots = [labels.find(use.labels) for use in walk.axes.values()]
        return cls(uses, roots, labels.frozen(), labels.notes(), labels.least())

    def draft(self, indices: list[int], members: list[int]) -> _Draft:
        """The group of the classes `members`, ascending, that the uses `indices` cut."""
        # The units are in the order of the channels of the first weight that makes them.
        lead = next(i for i in indices if self.uses[i].role == "out")
        wanted = set(members)
        in_order = dict.fromkeys(root for root in self.roots[lead].tolist() if root in wanted)
        unit_of = {root: unit for unit, root in enumerate(in_order)}
        positions = {i: self._positions(i, unit_of) for i in indices}
        cut = [self.uses[i] for i in indices]
        count, step = positions[lead].shape
        min_width = max(self.least.get(root, 1) for root in members)
        reason = self._reason(members, count, step, min_width)
        group = ChannelGroup(
            name=self.uses[lead].owner,
            full_width=count,
            width=count,
            layers=tuple(dict.fromkeys(u.owner for u in cut if u.weight and u.role != "in")),
            frozen=bool(reason),
            reason=reason,
            step=step,
            min_width=min(min_width, count),
            couplings=tuple(
                dict.fromkeys(note for root in members for note in self.notes.get(root, []))
            ),
            uses=tuple(
                ParamUse(use.param, use.axis, use.role, positions[i])
                for i, use in zip(indices, cut, strict=True)
            ),
        )
        return _Draft(group, unit_of, (lead, int(positions[lead].min())))

    def _positions(self, index: int, unit_of: dict[int, int]) -> Ints:
        """Where the units stand along the axis of a use: [units, m]."""
        roots = self.roots[index]
        places = np.flatnonzero(np.isin(roots, list(unit_of)))
        units = np.array([unit_of[root] for root in roots[places].tolist()])
        positions: Ints = places[np.argsort(units, kind="stable")].reshape(len(unit_of), -1)
        return positions

    def _reason(self, members: list[int], count: int, step: int, min_width: int) -> str:
        """Why a group of `count` units of `step` channels keeps its width; '' if it needn't."""
        stated = next((self.reasons[root] for root in members if root in self.reasons), "")
        if stated:
            return stated
        if step > 1 and count < 2:
            return f"its {step} channels can only be removed all together"
        if min_width > count:
            return f"it has only {count} units of {step} channels"
        return ""


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
