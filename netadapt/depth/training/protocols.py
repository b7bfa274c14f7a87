"""How depth is evaluated, by name: what the network is shown, and which pixels count.

Figures of two papers compare only where their protocols are the same. Collecting metrics is left
to `metrics`, reading to `evaluation`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

from netadapt.depth.data.transforms import for_evaluation
from netadapt.depth.prediction.framings import CROP, WHOLE, Framing, resized
from netadapt.depth.training.metrics import ALIGNED_METRICS, LEAST_DEPTH_M, METRICS
from netadapt.registry import Registry

NATIVE = (480, 640)
"""NYU's frames, in whose rows and columns Eigen's crop is given."""


class EvaluationProtocol(Protocol):
    """What is compared with what. `name` and `told` (a line) are shown beside figures.

    `metrics` are those that papers of the protocol report, then those that tell more; `framing`
    is the part of a frame that the network is shown.
    """

    @property
    def name(self) -> str: ...

    @property
    def told(self) -> str: ...

    @property
    def metrics(self) -> tuple[str, ...]: ...

    @property
    def framing(self) -> Framing: ...

    def views(self, rgb: Tensor, depth: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """rgb uint8 [B, 3, H, W] and depth [B, H, W] → the network's images [B, 3, h, w] of
        `size`, and the truth [B, 1, …] in metres, 0 where a pixel doesn't count.
        """

    def compared(self, prediction: Tensor, truth: Tensor) -> Tensor:
        """A prediction [B, 1, h, w] in metres as it is compared with the truth, of its size."""


@dataclass(frozen=True)
class FastDepthProtocol:
    """Wofk et al., ICRA 2019, as main.py and dataloaders/nyu.py of FastDepth evaluate (`-e`)."""

    name: str = "fastdepth"
    told: str = (
        "pixels count where the ground truth is valid (> 0), after FastDepth's evaluation crop"
    )
    metrics: tuple[str, ...] = (*METRICS, *ALIGNED_METRICS, "correlation")
    framing: Framing = field(default=CROP)

    def views(self, rgb: Tensor, depth: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """Both after FastDepth's resizing and crop, at the network's size."""
        return for_evaluation(rgb, depth, size)

    def compared(self, prediction: Tensor, truth: Tensor) -> Tensor:
        """As it is."""
        return prediction


@dataclass(frozen=True)
class EigenProtocol:
    """Eigen, Puhrsch and Fergus, NIPS 2014, as later papers evaluate on NYU's 654 test images.

    The network is shown the whole frame; its depth, resized to the ground truth's size and held
    between 1 mm and 10 m, is compared where that is below 10 m, in rows 45 to 471 and columns 41
    to 601 of 480×640 (or in proportion). Crop and limits as in the evaluations of BTS (Lee et al.,
    2019, bts_test.py) and AdaBins (Bhat et al., CVPR 2021, evaluate.py), which follow Eigen's.
    """

    name: str = "eigen"
    told: str = (
        "pixels count where the ground truth is valid and below 10 m, in Eigen's crop of the whole "
        "frame; the prediction is resized to its size"
    )
    metrics: tuple[str, ...] = (
        *("delta1", "delta2", "delta3", "absrel", "sqrel_m", "rmse_m", "rmse_log", "silog"),
        *("log10", *ALIGNED_METRICS, "correlation"),
    )
    framing: Framing = field(default=WHOLE)
    rows: tuple[int, int] = (45, 471)
    columns: tuple[int, int] = (41, 601)
    farthest_m: float = 10.0

    def views(self, rgb: Tensor, depth: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """The whole frame for the network; the truth at its own size, 0 where it doesn't count."""
        height, width = depth.shape[1:]
        counts = torch.zeros(height, width, dtype=torch.bool, device=depth.device)
        top, bottom = (round(row * height / NATIVE[0]) for row in self.rows)
        left, right = (round(column * width / NATIVE[1]) for column in self.columns)
        counts[top:bottom, left:right] = True
        inside = counts & (depth > LEAST_DEPTH_M) & (depth < self.farthest_m)
        return self.framing.image(rgb, size), torch.where(inside, depth.float(), 0.0)[:, None]

    def compared(self, prediction: Tensor, truth: Tensor) -> Tensor:
        """Resized to the truth's size, within the limits."""
        height, width = truth.shape[-2:]
        return resized(prediction, height, width).clamp(LEAST_DEPTH_M, self.farthest_m)


FASTDEPTH = FastDepthProtocol()
EIGEN = EigenProtocol()

PROTOCOLS: Registry[EvaluationProtocol] = Registry(
    "protocol",
    {
        "fastdepth": "netadapt.depth.training.protocols:FASTDEPTH",
        "eigen": "netadapt.depth.training.protocols:EIGEN",
    },
)
