"""Trains on rooms rendered without one part of the renderer, and tests on frames it never saw.

    netadapt data import shared/data/rgbd/kitchen kitchen --invalid 65535 --holdout 0.3
    netadapt data import shared/data/rgbd/dining dining
    python experiments/rooms/run.py --sets kitchen dining --out experiments/rooms/results.csv

One row a part left out, training seed and set. What has its rows already is left out, so that a
stopped comparison goes on.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import torch
from evaluate_sample import measure_sample, predicted
from torch import nn

from netadapt.depth.data.base import DepthSource
from netadapt.depth.data.datasets import open_depth_data
from netadapt.depth.data.loader import batches
from netadapt.depth.rooms import write_rooms_pack
from netadapt.depth.rooms.left_out_parts import PARTS
from netadapt.depth.training.long_training import train
from netadapt.depth.training.metrics import DepthMetrics
from netadapt.depth.training.recipe import recipe_named
from netadapt.depth.training.task_data import open_for_evaluation, open_task
from netadapt.journal import CsvJournal
from netadapt.networks.build import build
from netadapt.networks.registry import named_config

METRICS = ("delta1", "rmse_m", "aligned_delta1", "aligned_rmse_m", "correlation")
COLUMNS = ("without", "seed", "set", "images", *METRICS)
NOTHING = "nothing"
ROOMS = "unseen rooms"
RENDERING_SEED = 1


def compare(given: argparse.Namespace) -> None:
    for without in given.only:
        journal = CsvJournal(given.out, COLUMNS)
        done = {(row["without"], int(row["seed"])) for row in journal.rows()}
        missing = [seed for seed in given.seeds if (without, seed) not in done]
        if not missing:
            continue
        rooms = rendered(given.work, without, given.scenes, given.workers)
        complete_rooms = rendered(given.work, NOTHING, given.scenes, given.workers)
        sets = {folder.name: open_for_evaluation(str(folder), "all") for folder in given.sets}
        sets[ROOMS] = open_depth_data(complete_rooms, "val")
        for seed in missing:
            model = trained(rooms, given.size, given.epochs, seed)
            measured = {name: tested(model, source, given.size) for name, source in sets.items()}
            if given.sample is not None:
                measured[given.sample.name] = (1, measure_sample(model, given.sample, given.size))
            for name, (images, metrics) in measured.items():
                row = {"without": without, "seed": seed, "set": name, "images": images}
                journal.append({**row, **{key: round(metrics[key], 4) for key in METRICS}})
                print(row, {key: round(metrics[key], 3) for key in METRICS}, flush=True)


def rendered(work: Path, without: str, scenes: int, workers: int) -> Path:
    """The pack of rooms without that part, rendered when it isn't there yet."""
    folder = work / f"without-{without}"
    parts = () if without == NOTHING else (without,)
    write_rooms_pack(folder, scenes=scenes, seed=RENDERING_SEED, workers=workers, without=parts)
    return folder


def trained(rooms: Path, size: int, epochs: int, seed: int) -> nn.Module:
    """Full-width FastDepth after the default recipe, all of it at `size`² pixels."""
    recipe = replace(recipe_named("default"), size=(size, size), stages=(), epochs=epochs)
    config = named_config("fastdepth").complete()
    torch.manual_seed(seed)
    task = open_task(rooms, loss=recipe.loss, holdout_images=8, augmentation=recipe.augmentation)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        return train(build(config), task, recipe, out, config.to_json(), seed=seed)


def tested(model: nn.Module, source: DepthSource, size: int) -> tuple[int, dict[str, float]]:
    """The number of images, and the means of the metrics over them."""
    metrics = DepthMetrics()
    for images, depth in batches(source, 16, (size, size), train=False):
        metrics.update(predicted(model, images), depth)
    return len(source), metrics.summary()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", nargs="+", type=Path, required=True, help="imported data sets")
    parser.add_argument("--sample", type=Path, help="a folder with rgb.npy and depth.npy")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=Path("runs/rooms"))
    parser.add_argument("--only", nargs="+", choices=[NOTHING, *PARTS], default=[NOTHING, *PARTS])
    parser.add_argument("--scenes", type=int, default=600)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1])
    parser.add_argument("--workers", type=int, default=1)
    compare(parser.parse_args())
