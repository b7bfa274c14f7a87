"""Some images of a depth source, or the images of several, as a source."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

from netadapt.depth.data.base import Depth, DepthSource, Frame, Rgb, read_frame
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

    def read_frame(self, index: int) -> Frame:
        return read_frame(self._source, self._indices[index])


def spread(source: DepthSource, count: int) -> DepthSource:
    """At most `count` images of `source`, evenly spread over it."""
    if count < 1:
        raise DataError(f"{count} images were asked for; expected at least 1")
    if count >= len(source):
        return source
    return Part(source, [index * len(source) // count for index in range(count)])


def shuffled_evenly(source: DepthSource) -> DepthSource:
    """All images of `source` in an order whose first few, however many, are spread over it."""
    return Part(source, spread_order(len(source)))


def spread_order(count: int) -> list[int]:
    """0 to `count` − 1, each next one far from those before (van der Corput's sequence)."""
    digits = max(1, count - 1).bit_length()
    reversed_bits = (int(f"{index:0{digits}b}"[::-1], 2) for index in range(1 << digits))
    return [index for index in reversed_bits if index < count]


class Joined:
    """The images of several sources, one source after another."""

    def __init__(self, sources: Sequence[DepthSource]) -> None:
        self._sources = list(sources)
        self._ends = list(accumulate(len(source) for source in sources))
        self.names = [name for source in sources for name in source.names]

    def __len__(self) -> int:
        return len(self.names)

    def read(self, index: int) -> tuple[Rgb, Depth]:
        source, within = self._place(index)
        return source.read(within)

    def read_frame(self, index: int) -> Frame:
        return read_frame(*self._place(index))

    def _place(self, index: int) -> tuple[DepthSource, int]:
        number = bisect_right(self._ends, index)
        first = self._ends[number] - len(self._sources[number])
        return self._sources[number], index - first


def once(source: DepthSource) -> DepthSource:
    """`source` without the images whose name came before."""
    first = {name: index for index, name in reversed(list(enumerate(source.names)))}
    return Part(source, sorted(first.values()))
