"""How each channel group's width came down, as a map: a row a group, a column an iteration.

A group that keeps its width for many iterations is one rectangle, so that a long run of a large
network stays a small picture. `templates/chart.svg.jinja` draws what is laid out here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from netadapt.pruning.records import StepRecord
from netadapt.report.short_names import shortened

LABELS = 140
"""Units of the picture for the groups' names."""

CELLS = 360
ROW = 17
FOOT = 34
LONGEST_NAME = 15


@dataclass(frozen=True)
class Span:
    """A group at one width, over iterations; `share` is what is left of its width."""

    x: float
    y: int
    width: float
    share: float
    title: str


@dataclass(frozen=True)
class WidthMap:
    """A map in units of a picture `width` × `height`."""

    groups: Sequence[tuple[str, str, int]]
    """Each group's name, the name as there is room for it, and where its row begins."""
    spans: Sequence[Span]
    ticks: Sequence[tuple[float, int]]
    """Where an iteration's column has its middle, and the iteration."""
    height: int
    width: int = LABELS + CELLS + 8
    left: int = LABELS
    row: int = ROW


def width_map(steps: Sequence[StepRecord]) -> WidthMap:
    """The map of a run's iterations, the network given being the first column."""
    cell = CELLS / len(steps)
    groups, spans = [], []
    for index, (name, full) in enumerate(steps[0].widths.items()):
        groups.append((name, shortened(name, LONGEST_NAME), index * ROW))
        begin = 0
        for at in range(1, len(steps) + 1):
            width = steps[begin].widths[name]
            if at < len(steps) and steps[at].widths[name] == width:
                continue
            first, last = steps[begin].iteration, steps[at - 1].iteration
            when = f"iteration {first}" if first == last else f"iterations {first} to {last}"
            share = width / full
            title = f"{name}: {width} of {full} ({share:.0%}), {when}"
            x = round(LABELS + begin * cell, 1)
            spans.append(Span(x, index * ROW, round((at - begin) * cell, 1), share, title))
            begin = at
    every = max(1, -(-len(steps) // 10))
    ticks = [
        (round(LABELS + (index + 0.5) * cell, 1), step.iteration)
        for index, step in enumerate(steps)
        if index % every == 0
    ]
    return WidthMap(groups, spans, ticks, len(groups) * ROW + FOOT)
