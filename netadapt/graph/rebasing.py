"""The graph of a cut network, from that of the network it was cut from.

A cut network need not be traced again: what its code does is known. A new trace could even read
it otherwise, where widths that differed have become equal.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from netadapt.graph.groups import ChannelGroup, ParamUse
from netadapt.graph.kept_calls import Members, Staying
from netadapt.graph.labels import Ints
from netadapt.graph.layer_graph import LayerGraph
from netadapt.graph.surgery import removed_positions

Left = Mapping[tuple[str, int], Ints]
"""{(parameter, axis): the positions that stay}, of those axes that lose some."""


def rebased(graph: LayerGraph) -> LayerGraph:
    """`graph` at its widths, as if the network that has these had been traced.

    Which units a cut kept makes no difference: code knows of their number alone.
    """
    cut = {g.name: np.arange(g.width) for g in graph.groups if g.width < g.full_width}
    if not cut:
        return graph
    shapes = dict(graph.blueprint.shapes)
    left: dict[tuple[str, int], Ints] = {}
    for name, axes in removed_positions(graph, cut).items():
        for axis, gone in axes.items():
            shape = list(shapes[name])
            left[name, axis] = np.setdiff1d(np.arange(shape[axis]), gone)
            shape[axis] = len(left[name, axis])
            shapes[name] = tuple(shape)
    staying = {i: cut[g.name] for i, g in enumerate(graph.groups) if g.name in cut}
    blueprint = copy.copy(graph.blueprint)
    blueprint.shapes = shapes
    blueprint.groups = tuple(_group(group, left) for group in graph.groups)
    blueprint.kept_calls = tuple(
        replace(
            call,
            operands={name: _members(m, staying) for name, m in call.operands.items()},
            result=None if call.result is None else _members(call.result, staying),
            sizes={name: _members(m, staying) for name, m in call.sizes.items()},
        )
        for call in blueprint.kept_calls
    )
    blueprint.computed_weights = tuple(
        replace(call, axes=tuple(_members(m, staying) for m in call.axes))
        for call in blueprint.computed_weights
    )
    return LayerGraph(blueprint, tuple(group.width for group in graph.groups))


def _group(group: ChannelGroup, left: Left) -> ChannelGroup:
    """The group with the units that are there, at their new positions."""
    return replace(
        group,
        full_width=group.width,
        min_width=min(group.min_width, group.width),
        only_widths=tuple(width for width in group.only_widths if width <= group.width),
        uses=tuple(_use(use, group.width, left) for use in group.uses),
    )


def _use(use: ParamUse, width: int, left: Left) -> ParamUse:
    positions = use.positions[:width]
    stay = left.get((use.param, use.axis))
    return replace(use, positions=positions if stay is None else np.searchsorted(stay, positions))


def _members(members: Members, staying: Staying) -> Members:
    stay = members.staying(staying)
    return Members(members.axis, members.groups[stay], members.units[stay])
