"""A depth source as the canonical camera would have measured it: what networks are trained on.

What focal lengths mean, and which camera is canonical, is `focal_length`'s affair.
"""

from __future__ import annotations

import numpy as np

from netadapt.depth.data.base import Depth, DepthSource, Frame, Rgb, read_frame
from netadapt.depth.data.focal_length import canonical_focal_heights, ratio_in_crop


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
        frame = self.read_frame(index)
        return frame.rgb, frame.depth

    def read_frame(self, index: int) -> Frame:
        """Pair `index` with the canonical camera's focal length, so that twice is as once."""
        frame = read_frame(self._source, index)
        height, width = frame.depth.shape
        ratio = np.float32(ratio_in_crop(frame.focal_heights, height, width))
        depth = frame.depth if ratio == 1 else frame.depth / ratio
        return Frame(frame.rgb, depth, canonical_focal_heights(height, width) * height)
