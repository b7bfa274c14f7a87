"""Some images of a depth source, as a source."""

from __future__ import annotations

from collections.abc import Sequence

from netadapt.data.base import Depth, DepthSource, Rgb
from netadapt.errors import DataError


class Part:
    """The images of `source` at `indices`, in that order."""

    def __init__(self, source: DepthSource, indices: Sequence[int]) -> None:
        self._source = source
        self._indices = list(indices)
        self.names = [source.names[index] for index in indices]

    def __len__(self) -> int:
        return len(self._indices)

    def read(self, index: int) -> tuple[Rgb, Depth]:
        return self._source.read(self._indices[index])


def spread(source: DepthSource, count: int) -> DepthSource:
    """At most `count` images of `source`, evenly spread over it."""
    if count < 1:
        raise DataError(f"{count} images were asked for; expected at least 1")
    if count >= len(source):
        return source
    return Part(source, [index * len(source) // count for index in range(count)])
