"""Random prunings of a network: the widths a search may come by, drawn evenly.

Used to plan which layers to measure and, with other seeds, to check what a table predicts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from netadapt.graph import LayerGraph

WIDTH_MULTIPLE = 8


def random_prunings(
    graph: LayerGraph, count: int, *, seed: int, least: float = 0.25
) -> list[LayerGraph]:
    """`count` networks whose every free group has a random width, a multiple of 8.

    Each width lies between `least` and all of the group's full width.
    """
    generator = np.random.default_rng(seed)
    full = {g.name: g.full_width for g in graph.groups if not g.frozen}
    networks = []
    for _ in range(count):
        shares = generator.uniform(least, 1.0, len(full))
        widths = {
            name: rounded(width * share, width)
            for (name, width), share in zip(full.items(), shares, strict=True)
        }
        networks.append(graph.with_widths(widths))
    return networks


def scaled(graph: LayerGraph, share: float) -> LayerGraph:
    """Every free group at the same share of its full width."""
    return graph.with_widths(
        {g.name: rounded(g.full_width * share, g.full_width) for g in graph.groups if not g.frozen}
    )


def rounded(width: float, full: int) -> int:
    """The nearest multiple of 8 between 8 and `full`; `full` itself where that is smaller."""
    nearest = int(width / WIDTH_MULTIPLE + 0.5) * WIDTH_MULTIPLE
    return min(full, max(WIDTH_MULTIPLE, nearest))
