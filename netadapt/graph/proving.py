"""What of a graph holds: which groups may be cut, to which widths, and which only with others.

The network is cut several times, to widths that differ from group to group. Groups that fail are
found by halving; then it is tried whether they may take some widths, or only that of others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from netadapt.graph.groups import ChannelGroup
from netadapt.graph.labels import Ints
from netadapt.graph.trial import NOTHING, Trial


@dataclass(frozen=True)
class Verdict:
    """What the trials found about a graph's groups."""

    frozen: Mapping[str, str]
    """The groups that keep their width, with the reason."""
    widths: Mapping[str, tuple[int, ...]]
    """The widths that work, of groups for which some do and some don't."""
    together: tuple[tuple[str, ...], ...]
    """Groups that must be equally wide."""


MOST_WIDTHS = 16
"""So many widths of a group are tried one by one, where some are known to fail."""
MOST_TOGETHER, NEAR = 16, 4
"""Among so many groups of one width it is sought which must stay equally wide, in pairs of groups
that are no further apart than that."""


def verdict(trial: Trial, seed: int = 0) -> Verdict:
    """What of `trial`'s graph holds in trial cuts."""
    free = {group.name: group for group in trial.graph.groups if len(_all_widths(group)) > 1}
    if not trial.says_something:
        return Verdict(dict.fromkeys(free, NOTHING), {}, ())
    random = np.random.default_rng(seed)
    reasons: dict[str, str] = {}
    for widths in _trial_widths(free, random):
        keep = {name: _spread(free[name], width, random) for name, width in widths.items()}
        left = [name for name in keep if name not in reasons]
        reasons |= _failing(trial, keep, left)
    why = trial.unprovable() if reasons else None
    if why is not None:
        return Verdict(dict.fromkeys(free, why), {}, ())
    some = {name: _widths_that_work(trial, free[name], random) for name in reasons}
    partly = {name: widths for name, widths in some.items() if widths}
    dead = [name for name in reasons if name not in partly]
    together = tuple(_together(trial, free, dead, random))
    joined = {name for names in together for name in names}
    frozen = {name: reasons[name] for name in dead if name not in joined}
    return Verdict(frozen, partly, together)


def _trial_widths(
    free: Mapping[str, ChannelGroup], random: np.random.Generator
) -> Iterator[dict[str, int]]:
    """Three sets of widths: such as a search takes, any at all, and the smallest of a search."""
    likely = {name: _likely_widths(group) for name, group in free.items()}
    yield {name: int(random.choice(widths)) for name, widths in likely.items()}
    yield {
        name: int(random.choice([w for w in widths if w > widths[-1] // 4]))
        for name, widths in ((name, _all_widths(group)[:-1]) for name, group in free.items())
    }
    yield {name: widths[0] for name, widths in likely.items()}


def _all_widths(group: ChannelGroup) -> tuple[int, ...]:
    return group.allowed_widths(1)


def _likely_widths(group: ChannelGroup) -> tuple[int, ...]:
    """The smaller widths in multiples of 8 channels; any, where there are none."""
    return group.allowed_widths(8)[:-1] or _all_widths(group)[:-1]


def _spread(group: ChannelGroup, width: int, random: np.random.Generator) -> Ints:
    """Units to keep, spread over the group: a prefix would not show a slice at a fixed channel."""
    return np.sort(random.permutation(group.full_width)[:width])


def _failing(trial: Trial, keep: Mapping[str, Ints], names: Sequence[str]) -> dict[str, str]:
    """Those of `names` without which the rest of `keep` holds, each with the reason."""
    reason = trial.fault({name: keep[name] for name in names})
    if reason is None:
        return {}
    if len(names) == 1:
        return {names[0]: reason}
    middle = len(names) // 2
    found = {
        **_failing(trial, keep, names[:middle]),
        **_failing(trial, keep, names[middle:]),
    }
    if not found:
        # Each half runs and both together don't: neither may be cut.
        return dict.fromkeys(names, reason)
    rest = [name for name in names if name not in found]
    return {**found, **_failing(trial, keep, rest)} if rest else found


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
