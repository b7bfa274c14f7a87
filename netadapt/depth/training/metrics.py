"""Depth metrics over the pixels whose ground truth is valid: > 0 and finite, in metres.

Each metric is taken per image and then averaged over images, as FastDepth's evaluation does (it
evaluates with batch size 1). The aligned forms scale every prediction to its image's median depth
first: they tell what a network knows of a scene's shape, apart from its scale.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import pandas as pd
import torch
from torch import Tensor

LEAST_DEPTH_M = 1e-3
"""Predictions are clamped to this before logarithms and inverses are taken."""

METRICS = ("delta1", "rmse_m", "absrel", "mae_m", "log10", "irmse_per_km", "delta2", "delta3")
ALIGNED_METRICS = ("aligned_delta1", "aligned_rmse_m", "aligned_absrel")
EIGEN_METRICS = ("sqrel_m", "rmse_log", "silog")
ALL_METRICS = (*METRICS, *ALIGNED_METRICS, "correlation", *EIGEN_METRICS)

METRIC_WORDS = {
    "delta1": "Share of pixels whose depth is within a factor of 1.25 of the truth; 1 is best.",
    "delta2": "Share of pixels within a factor of 1.25², 1.5625; 1 is best.",
    "delta3": "Share of pixels within a factor of 1.25³, 1.953; 1 is best.",
    "rmse_m": "Root mean square error in metres; 0 is best.",
    "absrel": "Mean absolute error as a share of the true depth; 0 is best.",
    "mae_m": "Mean absolute error in metres; 0 is best.",
    "log10": "Mean absolute difference of base-10 logarithms; 0 is best.",
    "irmse_per_km": "Root mean square error of inverse depth, in 1/km; 0 is best.",
}
"""What each of METRICS says, for a page that shows it."""


def depth_metrics(prediction: Tensor, truth: Tensor) -> dict[str, Tensor]:
    """Metrics of each image: `{name: [B]}` float64; NaN for an image without a valid pixel.

    `prediction` and `truth` are `[B, 1, H, W]` or `[B, H, W]` metres. `irmse_per_km` is the root
    mean square error of inverse depth in 1/km, `log10` the mean absolute difference of base-10
    logarithms, `correlation` Pearson's between the depths of one image. The last three are those
    that Eigen et al. (NIPS 2014) report besides: `sqrel_m` the mean squared difference over the
    truth, `rmse_log` of natural logarithms, `silog` the same but for the image's scale.
    """
    prediction = prediction.reshape(len(prediction), -1).double()
    truth = truth.reshape(len(truth), -1).double()
    valid = torch.isfinite(truth) & (truth > 0)
    count = valid.sum(1)
    truth = torch.where(valid, truth, 1.0)
    prediction = torch.where(valid, prediction.clamp(min=LEAST_DEPTH_M), 1.0)

    def mean(values: Tensor) -> Tensor:
        return torch.where(valid, values, 0.0).sum(1) / count

    difference = prediction - truth
    ratio = torch.maximum(prediction / truth, truth / prediction)
    inverse_difference_per_km = 1000 * (1 / prediction - 1 / truth)
    logs = prediction.log10() - truth.log10()
    result = {
        "delta1": mean((ratio < 1.25).double()),
        "rmse_m": mean(difference**2).sqrt(),
        "absrel": mean(difference.abs() / truth),
        "mae_m": mean(difference.abs()),
        "log10": mean(logs.abs()),
        "irmse_per_km": mean(inverse_difference_per_km**2).sqrt(),
        "delta2": mean((ratio < 1.25**2).double()),
        "delta3": mean((ratio < 1.25**3).double()),
    }
    scale = masked_median(truth, valid) / masked_median(prediction, valid)
    aligned = prediction * scale[:, None]
    aligned_ratio = torch.maximum(aligned / truth, truth / aligned)
    result["aligned_delta1"] = mean((aligned_ratio < 1.25).double())
    result["aligned_rmse_m"] = mean((aligned - truth) ** 2).sqrt()
    result["aligned_absrel"] = mean((aligned - truth).abs() / truth)
    centred_prediction = prediction - mean(prediction)[:, None]
    centred_truth = truth - mean(truth)[:, None]
    norm = (mean(centred_prediction**2) * mean(centred_truth**2)).sqrt()
    result["correlation"] = mean(centred_prediction * centred_truth) / norm.clamp(min=1e-12)
    natural = logs * math.log(10)
    result["sqrel_m"] = mean(difference**2 / truth)
    result["rmse_log"] = mean(natural**2).sqrt()
    result["silog"] = (mean(natural**2) - mean(natural) ** 2).clamp(min=0).sqrt()
    return result


class DepthMetrics:
    """Collects the metrics of images batch by batch."""

    def __init__(self) -> None:
        self._batches: list[dict[str, Tensor]] = []

    def update(self, prediction: Tensor, truth: Tensor) -> None:
        """Add a batch: `[B, 1, H, W]` metres each."""
        values = depth_metrics(prediction.detach(), truth)
        self._batches.append({name: value.cpu() for name, value in values.items()})

    def per_image(self, names: Iterable[str] | None = None) -> pd.DataFrame:
        """A row an image, a column a metric; `names` labels the rows."""
        columns = {
            name: torch.cat([batch[name] for batch in self._batches]).numpy()
            for name in ALL_METRICS
        }
        index = None if names is None else pd.Index(list(names), name="image")
        return pd.DataFrame(columns, index=index)

    def summary(self) -> dict[str, float]:
        """The mean of each metric over the images that have a valid pixel."""
        means = self.per_image().mean()
        return {name: float(means[name]) for name in ALL_METRICS}


def masked_median(values: Tensor, valid: Tensor) -> Tensor:
    """The lower median of each row's valid values: `[B, N]` to `[B]`, NaN where none is valid."""
    return torch.where(valid, values, torch.nan).nanmedian(1).values
