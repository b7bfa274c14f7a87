"""Random prunings of a network: the widths a search may come by, drawn evenly.

Used to plan which layers to measure and, with other seeds, to check what a table predicts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from netadapt.graph import ChannelGroup, LayerGraph

WIDTH_MULTIPLE = 8


def random_prunings(
    graph: LayerGraph, count: int, *, seed: int, least: float = 0.25
) -> list[LayerGraph]:
    """`count` networks whose every free group has a random width that it may take, a multiple of 8.

    Each width lies between `least` and all of the group's full width.
    """
    generator = np.random.default_rng(seed)
    free = [group for group in graph.groups if not group.frozen]
    networks = []
    for _ in range(count):
        shares = generator.uniform(least, 1.0, len(free))
        widths = {
            group.name: rounded(group, group.full_width * share)
            for group, share in zip(free, shares, strict=True)
        }
        networks.append(graph.with_widths(widths))
    return networks


def scaled(graph: LayerGraph, share: float) -> LayerGraph:
    """Every free group at the same share of its full width."""
    return graph.with_widths(
        {g.name: rounded(g, g.full_width * share) for g in graph.groups if not g.frozen}
    )


def rounded(group: ChannelGroup, width: float) -> int:
    """The multiple of 8 nearest to `width` that `group` may take; all of it where it is smaller."""
    nearest = int(width / WIDTH_MULTIPLE + 0.5) * WIDTH_MULTIPLE
    wanted = min(group.full_width, max(WIDTH_MULTIPLE, nearest))
    if group.takes(wanted):
        return wanted
    return min(group.allowed_widths(WIDTH_MULTIPLE), key=lambda allowed: abs(allowed - wanted))
