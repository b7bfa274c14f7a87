"""Evaluating a network on a split: every metric, per image, and the worst cases as pictures.

Beside a network stand the constants, networks that know nothing: what they reach on a set is what
that set's figures start from.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from netadapt.depth.data.base import DepthSource
from netadapt.depth.data.loader import batches
from netadapt.depth.data.subsets import Part
from netadapt.depth.prediction.predictor import Predictor
from netadapt.depth.training.metrics import DepthMetrics, masked_median
from netadapt.depth.training.pictures import draw_depths
from netadapt.errors import InputError
from netadapt.files import atomic_path

PROTOCOL = (
    "pixels count where the ground truth is valid (> 0), after FastDepth's evaluation crop; "
    "metrics are averaged over images; aligned: each prediction scaled to its image's median depth"
)

CONSTANT_M = 2.5
"""A depth that many pixels of indoor scenes are near: it alone gets 0.3 to 0.4 of delta1."""

CONSTANTS = ("image_median", "constant")


def evaluate(
    predictor: Predictor,
    source: DepthSource,
    *,
    batch_size: int = 16,
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Every metric of every image of `source`: a row an image, named as the source names it."""
    predict: Callable[[Tensor, Tensor], Tensor] = lambda images, _: predictor(images)  # noqa: E731
    (rows,) = _measure([predict], source, predictor.size, batch_size, progress)
    return rows


def evaluate_constants(
    source: DepthSource, size: tuple[int, int], *, batch_size: int = 16
) -> dict[str, pd.DataFrame]:
    """The metrics per image of the two constants: each image's true median depth, and 2.5 m.

    Correlation is NaN: a constant has none.
    """
    rows = _measure([_median, _constant], source, size, batch_size, None)
    for row in rows:
        row["correlation"] = float("nan")
    return dict(zip(CONSTANTS, rows, strict=True))


def save_worst(
    predictor: Predictor, source: DepthSource, rows: pd.DataFrame, path: Path, count: int = 8
) -> list[str]:
    """Draw the `count` images of lowest delta1 into a PNG; gives their names, worst first.

    `rows` are what `evaluate` gave for `source`.
    """
    lowest = rows["delta1"].reset_index(drop=True).nsmallest(count).index.tolist()
    chosen = Part(source, lowest)
    images, depth = next(iter(batches(chosen, len(lowest), predictor.size, train=False)))
    draw_depths(images, depth, predictor(images), path, titles=chosen.names)
    return chosen.names


def save_rows(rows: pd.DataFrame, path: Path) -> None:
    """Write the metrics per image as CSV."""
    with atomic_path(path) as temporary:
        rows.to_csv(temporary)


def _measure(
    predictions: list[Callable[[Tensor, Tensor], Tensor]],
    source: DepthSource,
    size: tuple[int, int],
    batch_size: int,
    progress: Callable[[int, int], None] | None,
) -> list[pd.DataFrame]:
    """The metrics per image of each of `predictions`, which get images and truth."""
    if batch_size < 1:
        raise InputError(f"the batch size is {batch_size}; expected 1 or more")
    metrics = [DepthMetrics() for _ in predictions]
    done = 0
    for images, depth in batches(source, batch_size, size, train=False):
        for predict, measured in zip(predictions, metrics, strict=True):
            measured.update(predict(images, depth), depth)
        done += len(images)
        if progress is not None:
            progress(done, len(source))
    return [measured.per_image(source.names) for measured in metrics]


def _median(_: Tensor, truth: Tensor) -> Tensor:
    """The median of each image's valid depths, everywhere."""
    flat = truth.flatten(1)
    medians = masked_median(flat, flat > 0).nan_to_num(CONSTANT_M)
    return medians[:, None, None, None].expand_as(truth)


def _constant(_: Tensor, truth: Tensor) -> Tensor:
    return torch.full_like(truth, CONSTANT_M)
