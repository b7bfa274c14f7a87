"""Evaluates a model on FastDepth's published sample of NYU Depth v2, one image cropped already.

    python experiments/rooms/evaluate_sample.py fastdepth shared/data/nyu_sample

The folder holds rgb.npy [H, W, 3] in [0, 1] and depth.npy [H, W] metres, as FastDepth's repository
gives them (github.com/dwofk/fast-depth, deploy/data).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from netadapt.depth.training.metrics import ALL_METRICS, DepthMetrics
from netadapt.networks.open_network import open_network
from netadapt.training.modes import evaluation_mode


def measure_sample(model: nn.Module, folder: Path, size: int = 224) -> dict[str, float]:
    """Every metric on the one image of `folder`, sampled at `size`² pixels (nearest)."""
    rgb, depth = np.load(folder / "rgb.npy"), np.load(folder / "depth.npy")
    rows, columns = (((np.arange(size) + 0.5) * side / size).astype(int) for side in depth.shape)
    chosen = np.ix_(rows, columns)
    image = torch.from_numpy(rgb[chosen]).permute(2, 0, 1)[None].float()
    metrics = DepthMetrics()
    metrics.update(predicted(model, image), torch.from_numpy(depth[chosen])[None, None].float())
    return metrics.summary()


def predicted(model: nn.Module, images: Tensor) -> Tensor:
    """Metres [B, 1, H, W] of images [B, 3, H, W]."""
    with evaluation_mode(model), torch.inference_mode():
        metres: Tensor = model(images.contiguous(memory_format=torch.channels_last))
    return metres


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    network, _ = open_network(given.model, None)
    measured = measure_sample(network, given.folder)
    for name in ALL_METRICS:
        print(f"{name}: {measured[name]:.3f}")
