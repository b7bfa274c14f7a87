"""What of a graph holds: which groups may be cut, to which widths, and which only with others.

The network is cut several times, to widths that differ from group to group. Groups that fail are
found by halving; then it is tried whether they may take some widths, or only that of others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from netadapt.graph.groups import ChannelGroup
from netadapt.graph.labels import Ints
from netadapt.graph.module_names import outwards
from netadapt.graph.trial import Fault, Trial


@dataclass(frozen=True)
class Verdict:
    """What the trials found about a graph's groups."""

    frozen: Mapping[str, str]
    """The groups that keep their width, with the reason."""
    widths: Mapping[str, tuple[int, ...]]
    """The widths that work, of groups for which some do and some don't."""
    together: tuple[tuple[str, ...], ...]
    """Groups that must be equally wide."""


FEW_NEAR = 4
"""Fewer groups than that, of modules of one kind, are tried one by one."""
MOST_WIDTHS = 16
"""So many widths of a group are tried one by one, where some are known to fail."""
MOST_TOGETHER, NEAR = 16, 4
"""Among so many groups of one width it is sought which must stay equally wide, in pairs of groups
that are no further apart than that."""


def first_fault(trial: Trial, seed: int) -> Fault | None:
    """Why the first of the cuts that `failing` tries doesn't hold."""
    free, random = _free(trial), np.random.default_rng(seed)
    widths = next(_trial_widths(free, random))
    return trial.fault(_units(free, widths, random), training=True)


def failing(trial: Trial, kinds: Mapping[str, type], seed: int) -> dict[str, Fault]:
    """The groups without which all others hold in trial cuts, with why each doesn't.

    `kinds`: {module: its class}; modules of one class mostly fail alike.
    """
    free, random = _free(trial), np.random.default_rng(seed)
    faults: dict[str, Fault] = {}
    for number, widths in enumerate(_trial_widths(free, random)):
        # In training a cut may only raise, and would at other widths as well: once is enough.
        search = _Search(trial, kinds, _units(free, widths, random), training=not number)
        faults |= search.failing([name for name in widths if name not in faults])
    return faults


def verdict(trial: Trial, faults: Mapping[str, Fault], seed: int) -> Verdict:
    """What may be done about the groups that fail."""
    free, random = _free(trial), np.random.default_rng(seed)
    # What raises in training alone would hold at any width in evaluation.
    training = {name for name, fault in faults.items() if fault.training}
    judged = {name: free[name] for name in faults if name not in training}
    some = _working_widths(trial, judged, faults, random)
    partly = {name: widths for name, widths in some.items() if widths}
    dead = [name for name in faults if name not in partly]
    together = tuple(_together(trial, free, [d for d in dead if d not in training], random))
    joined = {name for names in together for name in names}
    frozen = {name: faults[name].reason for name in dead if name not in joined}
    return Verdict(frozen, partly, together)


def _free(trial: Trial) -> dict[str, ChannelGroup]:
    return {group.name: group for group in trial.graph.groups if len(_all_widths(group)) > 1}


def _units(
    free: Mapping[str, ChannelGroup], widths: Mapping[str, int], random: np.random.Generator
) -> dict[str, Ints]:
    return {name: _spread(free[name], width, random) for name, width in widths.items()}


def _trial_widths(
    free: Mapping[str, ChannelGroup], random: np.random.Generator
) -> Iterator[dict[str, int]]:
    """Three sets of widths: such as a search takes, odd ones, and the smallest of a search."""
    likely = {name: _likely_widths(group) for name, group in free.items()}
    yield {name: int(random.choice(widths)) for name, widths in likely.items()}
    yield _odd_widths(free, random)
    yield {name: widths[0] for name, widths in likely.items()}


def _odd_widths(free: Mapping[str, ChannelGroup], random: np.random.Generator) -> dict[str, int]:
    """Of the larger widths, such as few numbers divide: code that counts on a factor fails. Groups
    of one full width get different ones: code that needs them equal fails, too."""
    alike: dict[int, list[str]] = {}
    for name, group in free.items():
        alike.setdefault(group.full_width, []).append(name)
    chosen = {}
    for names in alike.values():
        left: list[int] = []
        for name in names:
            widths = _all_widths(free[name])[:-1]
            left = [width for width in left if width in widths] or _rough_first(widths, random)
            chosen[name] = left.pop(0)
    return chosen


def _rough_first(widths: Sequence[int], random: np.random.Generator) -> list[int]:
    """All widths above a quarter, those first that 2, 3, 5 and 7 don't divide, then the odd."""
    large = random.permutation([width for width in widths if width > widths[-1] // 4]).tolist()
    return sorted(large, key=lambda width: sum(width % factor == 0 for factor in (2, 3, 5, 7)))


def _all_widths(group: ChannelGroup) -> tuple[int, ...]:
    return group.allowed_widths(1)


def _likely_widths(group: ChannelGroup) -> tuple[int, ...]:
    """The smaller widths in multiples of 8 channels; any, where there are none."""
    return group.allowed_widths(8)[:-1] or _all_widths(group)[:-1]


def _spread(group: ChannelGroup, width: int, random: np.random.Generator) -> Ints:
    """Units to keep, spread over the group: a prefix would not show a slice at a fixed channel."""
    return np.sort(random.permutation(group.full_width)[:width])


class _Search:
    """Looks for the groups that fail in one cut."""

    def __init__(
        self, trial: Trial, kinds: Mapping[str, type], keep: Mapping[str, Ints], *, training: bool
    ) -> None:
        self._trial, self._kinds, self._keep, self._training = trial, kinds, keep, training
        self._touched = {name: trial.graph.group(name).touched for name in keep}

    def failing(self, names: Sequence[str]) -> dict[str, Fault]:
        """Those of `names` without which the rest of the cut holds."""
        fault = self._fault(names)
        if fault is None:
            return {}
        if len(names) == 1:
            return {names[0]: fault}
        near = self._near(names, fault)
        found = self._alike(near)
        if found is None:
            first = near if 0 < len(near) < len(names) else names[: len(names) // 2]
            found = {
                **self.failing(first),
                **self.failing([name for name in names if name not in first]),
            }
        if not found:
            # Each part runs and both together don't: neither may be cut.
            return dict.fromkeys(names, fault)
        rest = [name for name in names if name not in found]
        return {**found, **self.failing(rest)} if rest else found

    def _fault(self, names: Sequence[str]) -> Fault | None:
        keep = {name: self._keep[name] for name in names}
        return self._trial.fault(keep, training=self._training)

    def _near(self, names: Sequence[str], fault: Fault) -> list[str]:
        """The names that have layers in modules of the kind in which the code raised."""
        kind = self._kinds.get(fault.module) if fault.module else None
        if kind is None:
            return []
        modules = {name for name, other in self._kinds.items() if other is kind and name}
        return [
            name
            for name in names
            if any(not modules.isdisjoint(outwards(module)) for module in self._touched[name])
        ]

    def _alike(self, near: Sequence[str]) -> dict[str, Fault] | None:
        """All of `near`, where two of them that are far from each other fail by themselves."""
        if len(near) < FEW_NEAR:
            return None
        ends = (self._fault([near[0]]), self._fault([near[-1]]))
        if ends[0] is None or ends[1] is None:
            return None
        return dict.fromkeys(near, ends[1]) | {near[0]: ends[0]}


def _working_widths(
    trial: Trial,
    groups: Mapping[str, ChannelGroup],
    faults: Mapping[str, Fault],
    random: np.random.Generator,
) -> dict[str, tuple[int, ...]]:
    """The widths that work, of each group; where many fail alike, and the first two at any
    width, so do the others."""
    some: dict[str, tuple[int, ...]] = {}
    alike: dict[str, list[str]] = {}
    for name in groups:
        alike.setdefault(_pattern(faults[name]), []).append(name)
    for names in alike.values():
        for number, name in enumerate(names):
            hopeless = number >= 2 and not any(some[other] for other in names[:number])
            some[name] = () if hopeless else _widths_that_work(trial, groups[name], random)
    return some


def _pattern(fault: Fault) -> str:
    """The reason without its numbers."""
    return re.sub(r"\d+", "#", fault.reason)


def _widths_that_work(
    trial: Trial, group: ChannelGroup, random: np.random.Generator
) -> tuple[int, ...]:
    """The widths of `group` that hold while all others are whole; none where no likely one does."""
    likely = _likely_widths(group)
    step = -(-len(likely) // MOST_WIDTHS)
    tried = likely[::-1][::step]  # the widest first: what fails there mostly fails below
    working = []
    for number, width in enumerate(tried):
        if trial.fault({group.name: _spread(group, width, random)}) is None:
            working.append(width)
        elif number >= 3 and not working:
            return ()
    return (*working[::-1], group.full_width) if working else ()


def _together(
    trial: Trial,
    free: Mapping[str, ChannelGroup],
    dead: Sequence[str],
    random: np.random.Generator,
) -> Iterator[tuple[str, ...]]:
    """Sets of groups that fail at any width of their own, and hold when equally wide."""
    sizes: dict[int, list[str]] = {}
    for name in dead:
        sizes.setdefault(free[name].full_width, []).append(name)
    for names in sizes.values():
        left = names[:MOST_TOGETHER]
        for pair in [pair for pair in combinations(left, 2) if _near(left, pair)]:
            if set(pair) <= set(left) and _holds(trial, free, pair, random):
                yield pair
                left = [name for name in left if name not in pair]
        if len(left) > 2 and _holds(trial, free, left, random):
            for name in list(left):
                fewer = [other for other in left if other != name]
                if len(fewer) > 1 and _holds(trial, free, fewer, random):
                    left = fewer
            yield tuple(left)


def _near(names: Sequence[str], pair: tuple[str, str]) -> bool:
    """Whether the layers of a pair follow soon on each other."""
    return names.index(pair[1]) - names.index(pair[0]) <= NEAR


def _holds(
    trial: Trial,
    free: Mapping[str, ChannelGroup],
    names: Sequence[str],
    random: np.random.Generator,
) -> bool:
    """Whether all of `names` may lose the same units, at two widths."""
    group = free[names[0]]
    least = max(free[name].min_width for name in names)
    widths = {w for w in (group.full_width // 2, group.full_width * 3 // 4) if w >= least}
    return bool(widths) and all(
        trial.fault(dict.fromkeys(names, _spread(group, width, random))) is None for width in widths
    )
