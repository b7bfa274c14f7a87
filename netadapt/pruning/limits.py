"""What a search may not cut: groups that keep their width, and the least widths of others.

A user names groups as `netadapt plan` prints them, or by a glob (`encoder.*`). How much smaller the
network would get without these limits is told here too.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from netadapt.errors import InputError
from netadapt.graph import ChannelGroup, LayerGraph
from netadapt.pruning.proposals import smallest_widths
from netadapt.pruning.settings import SearchSettings

FROZEN = "it was frozen by the user"


@dataclass(frozen=True)
class Limits:
    """How small a network gets without what the user forbids, and with each of that alone.

    `smallest` has, by the option that says it, the narrowest network that it allows.
    """

    without: LayerGraph
    smallest: Mapping[str, LayerGraph]

    @classmethod
    def of(cls, graph: LayerGraph, settings: SearchSettings) -> Limits:
        """Those of `settings` for `graph`, in which the user has limited nothing yet."""
        step = min(settings.step, SearchSettings().step)
        smallest: dict[str, LayerGraph] = {}
        if settings.frozen:
            option = " ".join(f"--freeze {pattern}" for pattern in settings.frozen)
            smallest[option] = _narrowest(limited(graph, settings.frozen), step)
        if settings.min_widths:
            least = settings.min_widths
            option = " ".join(f"--min-width {name}={width}" for name, width in least.items())
            smallest[option] = _narrowest(limited(graph, (), least), step)
        if settings.step > step:
            option = f"--width-multiple {settings.step}"
            smallest[option] = _narrowest(graph, settings.step)
        return cls(_narrowest(graph, step), smallest)


def _narrowest(graph: LayerGraph, step: int) -> LayerGraph:
    return graph.with_widths(smallest_widths(graph, step))


def limited(
    graph: LayerGraph, frozen: Iterable[str] = (), min_widths: Mapping[str, int] | None = None
) -> LayerGraph:
    """`graph` with these groups frozen and these least widths.

    Raises InputError for a name that no group has, and a least width that a group hasn't.
    """
    frozen, least = tuple(frozen), dict(min_widths or {})
    if not frozen and not least:
        return graph
    names = [group.name for group in graph.blueprint.groups]
    for pattern in (*frozen, *least):
        if not any(fnmatchcase(name, pattern) for name in names):
            raise InputError(
                f"no channel group is called '{pattern}'; there are {', '.join(names)} "
                f"(netadapt plan shows them)"
            )
    return _changed(graph, lambda group: _limited(group, frozen, least))


def kept_whole(graph: LayerGraph, reasons: Mapping[str, str]) -> LayerGraph:
    """`graph` with the groups of these names frozen, each for its reason."""
    if not reasons:
        return graph

    def frozen(group: ChannelGroup) -> ChannelGroup:
        if group.name not in reasons or group.frozen:
            return group
        return replace(group, frozen=True, reason=reasons[group.name])

    return _changed(graph, frozen)


def _changed(graph: LayerGraph, change: Callable[[ChannelGroup], ChannelGroup]) -> LayerGraph:
    """`graph` at its widths, with every group changed; what was given stays as it is."""
    blueprint = copy.copy(graph.blueprint)
    blueprint.groups = tuple(change(group) for group in blueprint.groups)
    return LayerGraph(blueprint, tuple(group.width for group in graph.groups))


def _limited(
    group: ChannelGroup, frozen: tuple[str, ...], least: Mapping[str, int]
) -> ChannelGroup:
    if group.frozen:
        return group
    if any(fnmatchcase(group.name, pattern) for pattern in frozen):
        return replace(group, frozen=True, reason=FROZEN)
    widths = [width for pattern, width in least.items() if fnmatchcase(group.name, pattern)]
    if not widths:
        return group
    if not 0 < max(widths) <= group.full_width:
        raise InputError(
            f"the least width of group {group.name} is {max(widths)}; expected 1 to "
            f"{group.full_width}"
        )
    return replace(group, min_width=max(group.min_width, *widths))
