"""Pictures of what a network predicts: image, truth and prediction side by side, with metres."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

from netadapt.files import atomic_path
from netadapt.training.task import DepthTask, evaluation_mode


def save_samples(model: nn.Module, task: DepthTask, path: Path, count: int = 4) -> None:
    """Draw the first `count` images of the task's holdout into a PNG at `path`."""
    from matplotlib.figure import Figure

    images, depth = next(task.evaluation_batches())
    images, depth = images[:count], depth[:count]
    with evaluation_mode(model), torch.inference_mode():
        prediction = model(images)
    figure = Figure(figsize=(6.4, 2.0 * len(images)), layout="constrained")
    axes = figure.subplots(len(images), 3, squeeze=False)
    for row, (image, truth, guess) in zip(
        axes, zip(images.cpu(), depth.cpu(), prediction.float().cpu(), strict=True), strict=True
    ):
        far = float(truth.max())
        row[0].imshow(image.permute(1, 2, 0).numpy())
        shown = np.ma.masked_equal(truth[0].numpy(), 0)
        row[1].imshow(shown, vmin=0, vmax=far, cmap="viridis")
        drawn = row[2].imshow(guess[0].numpy(), vmin=0, vmax=far, cmap="viridis")
        figure.colorbar(drawn, ax=row[2], label="m")
        for axis in row:
            axis.set_xticks([])
            axis.set_yticks([])
    for axis, title in zip(axes[0], ("image", "truth", "prediction"), strict=True):
        axis.set_title(title, fontsize=9)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", dpi=100)
