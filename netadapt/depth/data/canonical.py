"""A depth source as the canonical camera would have measured it: what networks are trained on.

What focal lengths mean, and which camera is canonical, is `focal_length`'s affair.
"""

from __future__ import annotations

import numpy as np

from netadapt.depth.data.base import Depth, DepthSource, Rgb, read_frame
from netadapt.depth.data.focal_length import ratio_in_crop


class Canonical:
    """The images of `source`, their depths divided by the ratio of focal lengths.

    With NYU's camera, or an image of NYU's shape of which nothing is known, depths stay as they
    are.
    """

    def __init__(self, source: DepthSource) -> None:
        self._source = source
        self.names = source.names

    def __len__(self) -> int:
        return len(self._source)

    def read(self, index: int) -> tuple[Rgb, Depth]:
        """Pair `index`, in metres of the canonical camera. Raises DataError as the source does."""
        frame = read_frame(self._source, index)
        ratio = ratio_in_crop(frame.focal_heights, *frame.depth.shape)
        if ratio == 1.0:
            return frame.rgb, frame.depth
        return frame.rgb, frame.depth / np.float32(ratio)
