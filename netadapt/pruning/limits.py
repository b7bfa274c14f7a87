"""What a search may not cut: groups that keep their width, and the least widths of others.

A user names groups as `netadapt plan` prints them, or by a glob (`encoder.*`).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase

from netadapt.errors import InputError
from netadapt.graph import ChannelGroup, LayerGraph

FROZEN = "it was frozen by the user"


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
