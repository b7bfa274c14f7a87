"""Pictures of what a network predicts: image, truth and prediction side by side, with metres."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from torch import Tensor

from netadapt.extras import needed
from netadapt.files import atomic_path


def draw_depths(
    images: Sequence[Tensor] | Tensor,
    truth: Sequence[Tensor] | Tensor,
    prediction: Sequence[Tensor] | Tensor,
    path: Path,
    titles: Sequence[str] = (),
) -> None:
    """Draw images into a PNG, a row each.

    `images` `[3, H, W]` each, in [0, 1]; `truth` and `prediction` `[1, H, W]` metres each, truth 0
    where there is none; `titles` names the rows.
    """
    figure = needed("matplotlib.figure", "depth").Figure(
        figsize=(6.4, 2.0 * len(images)), layout="constrained"
    )
    axes = figure.subplots(len(images), 3, squeeze=False)
    for index, row in enumerate(axes):
        measured = truth[index][0].cpu().numpy()
        far_m = float(measured.max()) or 10.0
        row[0].imshow(images[index].cpu().permute(1, 2, 0).numpy())
        row[1].imshow(np.ma.masked_equal(measured, 0), vmin=0, vmax=far_m, cmap="viridis")
        predicted = prediction[index][0].detach().float().cpu().numpy()
        drawn = row[2].imshow(predicted, vmin=0, vmax=far_m, cmap="viridis")
        figure.colorbar(drawn, ax=row[2], label="m")
        if titles:
            row[0].set_ylabel(titles[index].split("/")[-1], fontsize=6)
        for axis in row:
            axis.set_xticks([])
            axis.set_yticks([])
    for axis, title in zip(axes[0], ("image", "truth", "prediction"), strict=True):
        axis.set_title(title, fontsize=9)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", dpi=100)
