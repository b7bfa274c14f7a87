"""A depth source that is held in memory: for tests, small sets and measuring the reading itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from netadapt.depth.data.base import Depth, DepthSource, Frame, Rgb, check_pair, read_frame
from netadapt.depth.data.geometry import frame_at_working_size
from netadapt.errors import DataError


class ArraySource:
    """Pairs given as arrays or sequences: rgb uint8 [N, 3, H, W], depth float [N, H, W] in metres.

    Every pair is checked once, here. Images of one source may differ in size when they come as a
    sequence. `focal_px` are their focal lengths in pixels, None for one that isn't known.
    """

    def __init__(
        self,
        rgb: Sequence[Rgb] | Rgb,
        depth: Sequence[Depth] | Depth,
        names: Sequence[str] | None = None,
        focal_px: Sequence[float | None] | None = None,
    ) -> None:
        self.names = [f"{i:05d}" for i in range(len(rgb))] if names is None else list(names)
        self._focal_px = [None] * len(rgb) if focal_px is None else list(focal_px)
        if not len(rgb) == len(depth) == len(self.names) == len(self._focal_px):
            raise DataError(
                f"{len(rgb)} rgb images, {len(depth)} depth images and {len(self.names)} names "
                f"don't make pairs"
            )
        self._pairs = [
            check_pair(np.asarray(image), np.asarray(metres), name)
            for image, metres, name in zip(rgb, depth, self.names, strict=True)
        ]

    @classmethod
    def at_working_size(cls, source: DepthSource) -> ArraySource:
        """Read all of `source` and keep it at the working size: 0.6 MB an image."""
        frames = [frame_at_working_size(read_frame(source, index)) for index in range(len(source))]
        return cls(
            [frame.rgb for frame in frames],
            [frame.depth for frame in frames],
            source.names,
            [frame.focal_px for frame in frames],
        )

    def __len__(self) -> int:
        return len(self._pairs)

    def read(self, index: int) -> tuple[Rgb, Depth]:
        """Pair `index`, shared and not copied: don't write into it."""
        return self._pairs[index]

    def read_frame(self, index: int) -> Frame:
        """Pair `index` with its focal length."""
        return Frame(*self._pairs[index], self._focal_px[index])
