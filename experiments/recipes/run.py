"""Trains FastDepth by several recipes on the same rooms, small and short, for experiments/recipes.

    netadapt data rooms rooms-train --packed --scenes 5000 --frames-per-scene 3 --seed 1
    python experiments/recipes/run.py rooms-train --out experiments/recipes/results.csv

A recipe that has its row already is left out, so that a stopped comparison goes on.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from netadapt.depth.training.long_training import train
from netadapt.depth.training.recipe import Recipe, recipe_named
from netadapt.depth.training.task_data import open_task
from netadapt.journal import CsvJournal
from netadapt.networks.build import build
from netadapt.networks.registry import named_config

COLUMNS = ("recipe", "changes", "images", "size", "delta1", "rmse_m", "absrel", "seconds")

BASE = {"learning_rate": 4e-3}
"""What the others differ from in one thing: the default recipe at half its learning rate."""

CHANGES: dict[str, dict[str, Any]] = {
    "base": {},
    "berhu": {"loss": "berhu"},
    "log-l1": {"loss": "log-l1"},
    "log-l1-gradient": {"loss": "log-l1-gradient"},
    "half-rate": {"learning_rate": 2e-3},
    "double-rate": {"learning_rate": 8e-3},
    "quadruple-rate": {"learning_rate": 1.6e-2},
    "batch-16": {"batch_size": 16},
    "enlarged-1.5": {"max_scale": 1.5},
    "no-average": {"ema_decay": 0.0},
    "autocast": {"autocast": True},
    "muon": {"optimizer": "muon"},
    "still": {"max_scale": 1.0, "max_angle_deg": 0.0, "jitter": 0.0},
    "sgd-published-rate": {"optimizer": "sgd", "learning_rate": 0.01, "weight_decay": 1e-4},
}


def compare(data: Path, out: Path, names: list[str], size: int, epochs: int, seed: int) -> None:
    """One row a recipe in `out`: the holdout's metrics after the last epoch, at size² pixels."""
    for name in names:
        journal = CsvJournal(out, COLUMNS)
        if name in {row["recipe"] for row in journal.rows()}:
            continue
        recipe = small(recipe_named("default"), size, epochs, {**BASE, **CHANGES[name]})
        config = named_config("fastdepth").complete()
        torch.manual_seed(seed)
        task = open_task(
            data, loss=recipe.loss, holdout_images=300, augmentation=recipe.augmentation
        )
        rows: list[dict[str, Any]] = []
        with tempfile.TemporaryDirectory() as folder:
            train(
                build(config),
                task,
                recipe,
                Path(folder) / name,
                config.to_json(),
                seed=seed,
                after_epoch=rows.append,
            )
        images = epochs * (len(task.train) // recipe.batch_size) * recipe.batch_size
        changes = " ".join(f"{key}={value}" for key, value in CHANGES[name].items())
        last = {key: round(rows[-1][key], 4) for key in ("delta1", "rmse_m", "absrel")}
        seconds = round(sum(row["seconds"] for row in rows), 1)
        journal.append(
            {
                "recipe": name,
                "changes": changes,
                "images": images,
                "size": f"{size}x{size}",
                "seconds": seconds,
                **last,
            }
        )
        print(name, last, f"{seconds:.0f} s", flush=True)


def small(recipe: Recipe, size: int, epochs: int, changes: dict[str, Any]) -> Recipe:
    """`recipe`, changed, for so many epochs of small images."""
    return replace(recipe, size=(size, size), stages=(), epochs=epochs, **changes)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", nargs="+", choices=CHANGES, default=list(CHANGES))
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    compare(given.data, given.out, given.only, given.size, given.epochs, given.seed)
