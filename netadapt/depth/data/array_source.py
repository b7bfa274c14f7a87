"""A depth source that is held in memory: for tests, small sets and measuring the reading itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from netadapt.depth.data.base import Depth, DepthSource, Rgb, check_pair
from netadapt.depth.data.geometry import to_working
from netadapt.errors import DataError


class ArraySource:
    """Pairs given as arrays or sequences: rgb uint8 [N, 3, H, W], depth float [N, H, W] in metres.

    Every pair is checked once, here. Images of one source may differ in size when they come as a
    sequence.
    """

    def __init__(
        self,
        rgb: Sequence[Rgb] | Rgb,
        depth: Sequence[Depth] | Depth,
        names: Sequence[str] | None = None,
    ) -> None:
        self.names = [f"{i:05d}" for i in range(len(rgb))] if names is None else list(names)
        if not len(rgb) == len(depth) == len(self.names):
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
        pairs = [to_working(*source.read(index)) for index in range(len(source))]
        return cls([rgb for rgb, _ in pairs], [depth for _, depth in pairs], source.names)

    def __len__(self) -> int:
        return len(self._pairs)

    def read(self, index: int) -> tuple[Rgb, Depth]:
        """Pair `index`, shared and not copied: don't write into it."""
        return self._pairs[index]
