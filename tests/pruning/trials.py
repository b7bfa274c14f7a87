"""A short search of the tiny network, and what must be the same of two runs."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import tiny

import netadapt

MACS = netadapt.trace(tiny.network(), tiny.EXAMPLE).macs
SHORT = netadapt.FineTuning(steps=2, batch_size=16, learning_rate=0.01)


class Stops(netadapt.Callback):
    """Ends a search at its `count`th candidate."""

    def __init__(self, count: int) -> None:
        self.left = count

    def candidate(self, proposal: netadapt.Proposal, index: int, count: int) -> None:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


def pruned(out: Path, **options: Any) -> netadapt.Result:
    """The tiny network at six tenths of its multiply-accumulates, with several candidates an
    iteration."""
    given = {
        "task": tiny.task(),
        "budget": {"macs": 0.6 * MACS},
        "first_reduction": 0.1,
        "strategy": "full",
        "short_term": SHORT,
    }
    return netadapt.prune(tiny.network(), tiny.EXAMPLE, out=out, **{**given, **options})


def rows(file: Path) -> list[dict[str, str]]:
    """Of a run's CSV, as they stand there, without the seconds."""
    with file.open(newline="") as stream:
        return [{**row, "seconds": ""} for row in csv.DictReader(stream)]


def require_same(run: Path, other: Path) -> None:
    """Two runs decided the same and made the same networks, to the last bit."""
    for name in ("trajectory.csv", "candidates.csv", "image_scores.csv"):
        assert rows(run / name) == rows(other / name)
    weights = sorted(path.relative_to(run) for path in run.rglob("model.safetensors"))
    assert len(weights) == len(rows(run / "trajectory.csv"))
    for name in weights:
        assert (run / name).read_bytes() == (other / name).read_bytes()
