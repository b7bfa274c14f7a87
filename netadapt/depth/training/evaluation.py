"""Evaluating a network on a split: every metric, per image, and the worst cases as pictures.

Beside a network stand the constants, networks that know nothing: what they reach on a set is what
that set's figures start from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from netadapt.depth.data.base import DepthSource, Frame, read_frame
from netadapt.depth.data.loader import prefetched
from netadapt.depth.data.subsets import Part
from netadapt.depth.prediction.predictor import Predictor
from netadapt.depth.training.metrics import DepthMetrics, masked_median
from netadapt.depth.training.pictures import draw_depths
from netadapt.depth.training.protocols import FASTDEPTH, EvaluationProtocol
from netadapt.errors import InputError
from netadapt.files import atomic_path

AVERAGED = (
    "metrics are averaged over images; aligned: each prediction scaled to its image's median depth"
)

CONSTANT_M = 2.5
"""A depth that many pixels of indoor scenes are near: it alone gets 0.3 to 0.4 of delta1."""

CONSTANTS = ("image_median", "constant")


Prediction = Callable[["View"], Tensor]
"""Of some images, in metres, as the protocol compares it with the truth."""


class View(NamedTuple):
    """Some images of one size, as a protocol shows them."""

    images: Tensor
    """[B, 3, h, w] in [0, 1], of the network's size."""
    truth: Tensor
    """[B, 1, H, W] metres, 0 where a pixel doesn't count."""
    ratios: Tensor
    """[B, 1, 1, 1]: what the network's metres are to be multiplied by."""
    focal_px: list[float | None]
    """[B]: the focal lengths, None where NYU's is assumed."""


def evaluate(
    predictor: Predictor,
    source: DepthSource,
    *,
    protocol: EvaluationProtocol = FASTDEPTH,
    batch_size: int = 16,
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Every metric of every image of `source`: a row an image, named as the source names it.

    Metres are those of each image's own camera; its `focal_px`, a column too, is NaN where it isn't
    known and NYU's was assumed.
    """
    predict = partial(_predicted, predictor, protocol)
    (rows,) = _measure([predict], source, predictor.size, protocol, batch_size, progress)
    return rows


def evaluate_constants(
    source: DepthSource,
    size: tuple[int, int],
    *,
    protocol: EvaluationProtocol = FASTDEPTH,
    batch_size: int = 16,
) -> dict[str, pd.DataFrame]:
    """The metrics per image of the two constants: each image's true median depth, and 2.5 m.

    Correlation is NaN: a constant has none.
    """
    rows = _measure([_median, _constant], source, size, protocol, batch_size, None)
    for row in rows:
        row["correlation"] = float("nan")
    return dict(zip(CONSTANTS, rows, strict=True))


def save_worst(
    predictor: Predictor,
    source: DepthSource,
    rows: pd.DataFrame,
    path: Path,
    count: int = 8,
    *,
    protocol: EvaluationProtocol = FASTDEPTH,
) -> list[str]:
    """Draw the `count` images of lowest delta1 into a PNG; gives their names, worst first.

    `rows` are what `evaluate` gave for `source` by the same protocol.
    """
    lowest = rows["delta1"].reset_index(drop=True).nsmallest(count).index.tolist()
    chosen = Part(source, lowest)
    views = list(_views(chosen, predictor.size, protocol, batch_size=1))
    images = [image for view in views for image in view.images]
    truth = [depth for view in views for depth in view.truth]
    predicted = [depth for view in views for depth in _predicted(predictor, protocol, view)]
    draw_depths(images, truth, predicted, path, titles=chosen.names)
    return chosen.names


def save_rows(rows: pd.DataFrame, path: Path) -> None:
    """Write the metrics per image as CSV."""
    with atomic_path(path) as temporary:
        rows.to_csv(temporary)


def _measure(
    predictions: list[Prediction],
    source: DepthSource,
    size: tuple[int, int],
    protocol: EvaluationProtocol,
    batch_size: int,
    progress: Callable[[int, int], None] | None,
) -> list[pd.DataFrame]:
    """The metrics per image of each of `predictions`."""
    if batch_size < 1:
        raise InputError(f"the batch size is {batch_size}; expected 1 or more")
    metrics = [DepthMetrics() for _ in predictions]
    focal_px: list[float | None] = []
    for view in _views(source, size, protocol, batch_size):
        for predict, measured in zip(predictions, metrics, strict=True):
            measured.update(predict(view), view.truth)
        focal_px += view.focal_px
        if progress is not None:
            progress(len(focal_px), len(source))
    tables = [measured.per_image(source.names) for measured in metrics]
    return [table.assign(focal_px=np.array(focal_px, np.float64)) for table in tables]


def _views(
    source: DepthSource, size: tuple[int, int], protocol: EvaluationProtocol, batch_size: int
) -> Iterator[View]:
    """The images of `source` in its order, at most `batch_size` of one size at a time."""

    def make(step: int) -> list[View] | None:
        indices = range(len(source))[step * batch_size : (step + 1) * batch_size]
        if not indices:
            return None
        frames = [read_frame(source, index) for index in indices]
        alike = groupby(frames, key=lambda frame: frame.depth.shape)
        return [_view(list(group), size, protocol) for _, group in alike]

    for views in prefetched(make, 0):
        yield from views


def _view(frames: Sequence[Frame], size: tuple[int, int], protocol: EvaluationProtocol) -> View:
    rgb = torch.from_numpy(np.stack([frame.rgb for frame in frames]))
    depth = torch.from_numpy(np.stack([frame.depth for frame in frames]))
    ratio = protocol.framing.ratio
    ratios = [ratio(frame.focal_heights, *frame.depth.shape) for frame in frames]
    return View(
        *protocol.views(rgb, depth, size),
        torch.tensor(ratios)[:, None, None, None],
        [frame.focal_px for frame in frames],
    )


def _predicted(predictor: Predictor, protocol: EvaluationProtocol, view: View) -> Tensor:
    return protocol.compared(predictor(view.images) * view.ratios, view.truth)


def _median(view: View) -> Tensor:
    """The median of each image's valid depths, everywhere."""
    flat = view.truth.flatten(1)
    medians = masked_median(flat, flat > 0).nan_to_num(CONSTANT_M)
    return medians[:, None, None, None].expand_as(view.truth)


def _constant(view: View) -> Tensor:
    return torch.full_like(view.truth, CONSTANT_M)
