"""A network that a search takes seconds over: a small CNN, a task, and a table of all its layers.

Imported by tests, and by the command line in processes that tests kill.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path

import torch
from torch import Tensor, nn

from netadapt.graph import trace
from netadapt.latency.table.table import LookupTable
from netadapt.latency.table.table_row import TableRow
from netadapt.training.classification import ClassificationTask

EXAMPLE = torch.zeros(1, 3, 8, 8)
WIDTHS = (8, 16, 24)


class TinyNet(nn.Module):
    """conv – conv + residual – pool – linear."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 24, 3, 1, 1, bias=False), nn.BatchNorm2d(24))
        self.inner = nn.Sequential(nn.Conv2d(24, 24, 3, 1, 1, bias=False), nn.BatchNorm2d(24))
        self.outer = nn.Conv2d(24, 24, 1)
        self.head = nn.Linear(24, 3)

    def forward(self, image: Tensor) -> Tensor:
        x = self.first(image).relu()
        x = x + self.outer(self.inner(x).relu())
        return self.head(x.mean((2, 3)))


def network() -> nn.Module:
    """The network with weights that are always the same."""
    torch.manual_seed(0)
    return TinyNet().eval()


def task() -> ClassificationTask:
    """Which third of the picture is bright."""
    generator = torch.Generator().manual_seed(1)

    def draw(count: int) -> tuple[Tensor, Tensor]:
        labels = torch.randint(3, (count,), generator=generator)
        images = torch.rand(count, 3, 8, 8, generator=generator)
        images[torch.arange(count), labels] += 0.5
        return images, labels

    return ClassificationTask(draw(96), draw(64))


def write_table(path: Path) -> Path:
    """A table with a row for every layer at every width; latency grows with work."""
    graph = trace(network(), EXAMPLE)
    free = [group.name for group in graph.groups if not group.frozen]
    shapes = {
        layer.shape: None
        for widths in product(WIDTHS, repeat=len(free))
        for layer in graph.with_widths(dict(zip(free, widths, strict=True))).layers
    }
    rows = [
        TableRow(shape, 0.01 + shape.macs * 1e-6 + shape.in_channels * 1e-4, 0.001, 5, "modelled")
        for shape in shapes
    ]
    LookupTable(path.stem, rows).write(path)
    return path
