"""Evaluating a network on a split: every metric, per image, and the worst cases as pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from netadapt.data.base import DepthSource
from netadapt.data.loader import batches
from netadapt.data.parts import Part
from netadapt.deploy.predictor import Predictor
from netadapt.errors import InputError
from netadapt.files import atomic_path
from netadapt.training.metrics import DepthMetrics
from netadapt.training.pictures import draw_depths

PROTOCOL = (
    "pixels count where the ground truth is valid (> 0), after FastDepth's evaluation crop; "
    "metrics are averaged over images"
)


def evaluate(
    predictor: Predictor,
    source: DepthSource,
    *,
    batch_size: int = 16,
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Every metric of every image of `source`: a row an image, named as the source names it."""
    if batch_size < 1:
        raise InputError(f"the batch size is {batch_size}; expected 1 or more")
    metrics = DepthMetrics()
    done = 0
    for images, depth in batches(source, batch_size, predictor.size, train=False):
        metrics.update(predictor(images), depth)
        done += len(images)
        if progress is not None:
            progress(done, len(source))
    return metrics.per_image(source.names)


def save_worst(
    predictor: Predictor, source: DepthSource, rows: pd.DataFrame, path: Path, count: int = 8
) -> list[str]:
    """Draw the `count` images of lowest delta1 into a PNG; gives their names, worst first."""
    names = rows["delta1"].nsmallest(count).index.tolist()
    position = {name: index for index, name in enumerate(source.names)}
    chosen = Part(source, [position[name] for name in names])
    (images, depth) = next(iter(batches(chosen, len(names), predictor.size, train=False)))
    draw_depths(images, depth, predictor(images), path, titles=names)
    return names


def save_rows(rows: pd.DataFrame, path: Path) -> None:
    """Write the metrics per image as CSV."""
    with atomic_path(path) as temporary:
        rows.to_csv(temporary)
