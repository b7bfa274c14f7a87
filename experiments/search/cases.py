"""What experiments/search prunes, down to which budgets, and what it judges the networks by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from netadapt.cache_folder import cache_folder
from netadapt.cores import usable_cores
from netadapt.depth.data.base import SPLITS, DepthSource
from netadapt.depth.data.datasets import open_depth_data
from netadapt.depth.data.subsets import Joined
from netadapt.depth.rooms import write_rooms_pack
from netadapt.depth.training.depth_task import DepthTask
from netadapt.training.settings import FineTuning

UNSEEN_SEED, UNSEEN_SCENES = 977, 128
"""Of the rooms that networks are judged on: a seed that no training and no search has."""


@dataclass(frozen=True)
class Case:
    """A network, its data, and the fine-tuning that every method's network gets at the end."""

    weights: str
    data: str
    budgets_ms: tuple[float, ...]
    afterwards: FineTuning
    judged_on: Callable[[], DepthSource]
    judges_searched: bool
    """Whether the networks are judged before that fine-tuning too."""

    def judge(self) -> DepthTask:
        """What the networks are evaluated by; nothing is chosen by it."""
        frames = self.judged_on()
        return DepthTask(frames, frames)


def rooms(weights: str = "fastdepth") -> Case:
    """The main job of `make prune`, judged on rooms that no search has seen."""
    long = FineTuning(steps=200, learning_rate=1e-3, schedule="cosine", warmup_steps=5)
    return Case(weights, "rooms", (6.0, 5.0), long, _unseen_rooms, judges_searched=True)


def nyu(data: Path, weights: str) -> Case:
    """FastDepth's published pruned network on NYU Depth v2.

    `data` is the labelled set with its official split, as `netadapt data import --split` leaves it.
    The 654 test images are evaluated on once for each network, at its end.
    """
    long = FineTuning(steps=200, learning_rate=3e-4, schedule="cosine", warmup_steps=5)
    return Case(
        weights,
        str(data),
        (4.5,),
        long,
        lambda: open_depth_data(data, "val"),
        judges_searched=False,
    )


def _unseen_rooms() -> DepthSource:
    folder = cache_folder() / f"rooms-unseen-{UNSEEN_SEED}-{UNSEEN_SCENES}"
    write_rooms_pack(folder, scenes=UNSEEN_SCENES, seed=UNSEEN_SEED, workers=usable_cores())
    return Joined([open_depth_data(folder, split) for split in SPLITS])
