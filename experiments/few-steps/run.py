"""Cuts FastDepth here and there, fine-tunes for three steps in three ways, and sets batch norm's
statistics in four, for experiments/few-steps.

    python experiments/few-steps/run.py --out experiments/few-steps/results.csv

It takes the shipped model and the rendered rooms that `netadapt prune` starts from. What has its
row already is left out, so that a stopped comparison goes on.
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import islice
from pathlib import Path
from unittest import mock

import pandas as pd
import torch
from torch import nn

from netadapt import load_model
from netadapt.depth.data.transforms import ONLY_MIRRORED, PUBLISHED_RANGE
from netadapt.depth.training.recipe import RECIPES
from netadapt.depth.training.task_data import data_folder, open_task
from netadapt.graph import cut, trace
from netadapt.journal import CsvJournal
from netadapt.pruning.importance.base import kept_units
from netadapt.pruning.importance.magnitude import L2
from netadapt.training import batch_norm_few_steps as statistics
from netadapt.training import finetune
from netadapt.training.allocator import keep_freed_memory
from netadapt.training.finetune import FineTuning, fine_tune

CUTS = {"none": 0, "conv1": 48, "conv3": 96, "conv5": 192, "conv11": 320}
"""Of 64, 128, 256 and 512 channels, from the front of the encoder to its end."""

FINE_TUNINGS = {
    "published": ("l1", PUBLISHED_RANGE),
    "default": ("log-l1", RECIPES["default"].augmentation),
    "still": ("log-l1", ONLY_MIRRORED),
}
"""Loss, and how far the images are changed: as FastDepth is trained, as `train` does it, and not
at all but for mirroring."""

COLUMNS = ("fine_tuning", "cut", "width", "statistics", "seed", "delta1_cut", "delta1")


@contextmanager
def as_before(model: nn.Module, steps: int) -> Iterator[None]:
    """The norms keep the statistics that they had before the cut."""
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    before = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    try:
        yield
    finally:
        for norm, momentum in zip(norms, before, strict=True):
            norm.momentum = momentum


def torchs_momentum(model: nn.Module, steps: int) -> AbstractContextManager[None]:
    """What PyTorch does by itself: each step moves the statistics a tenth of the way."""
    return nullcontext()


@contextmanager
def batches_alone(model: nn.Module, steps: int) -> Iterator[None]:
    """The average of the batches, and nothing older."""
    with (
        mock.patch.object(statistics, "agreed_share", return_value=1.0),
        statistics.statistics_of_few_steps(model, steps),
    ):
        yield


WAYS = {
    "as before the cut": as_before,
    "torch's momentum": torchs_momentum,
    "the batches' alone": batches_alone,
    "netadapt": statistics.statistics_of_few_steps,
}


def compare(out: Path, weights: str, seeds: int, settings: FineTuning, holdout: int) -> None:
    """A row in `out` for each fine-tuning, cut, seed and way: delta1 on held-out rooms."""
    model = load_model(weights)
    graph = trace(model, torch.zeros(1, 3, 224, 224))
    journal = CsvJournal(out, COLUMNS)
    known = {tuple(row[name] for name in COLUMNS[:5]) for row in journal.rows()}
    for fine_tuning, (loss, augmentation) in FINE_TUNINGS.items():
        task = open_task(
            data_folder("rooms"), loss=loss, augmentation=augmentation, holdout_images=holdout
        )
        for name, width in CUTS.items():
            start = model
            if width:
                scores = L2.of_group(model, graph.group(name))
                start = cut(model, graph, {name: kept_units(scores, width)})
            not_tuned = task.evaluate(start)["delta1"]
            for seed in range(seeds):
                batches = task.training_batches(settings.batch_size, seed)
                stream = list(islice(batches, settings.steps))
                for way, set_statistics in WAYS.items():
                    key = (fine_tuning, name, str(width), way, str(seed))
                    if key in known:
                        continue
                    tuned = copy.deepcopy(start)
                    with mock.patch.object(finetune, "statistics_of_few_steps", set_statistics):
                        fine_tune(tuned, task, settings, seed=seed, stream=stream)
                    found = (f"{not_tuned:.4f}", f"{task.evaluate(tuned)['delta1']:.4f}")
                    journal.append(dict(zip(COLUMNS, (*key, *found), strict=True)))
    table = pd.read_csv(out).pivot_table("delta1", ["fine_tuning", "statistics"], "cut")[list(CUTS)]
    print(table.assign(mean=table.mean(axis=1)).round(3).to_string())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--weights", default="fastdepth")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--learning-rate", type=float, default=3e-4)
    parser.add_argument("--holdout-images", type=int, default=64)
    given = parser.parse_args()
    keep_freed_memory()
    settings = FineTuning(steps=given.steps, learning_rate=given.learning_rate)
    compare(given.out, given.weights, given.seeds, settings, given.holdout_images)
