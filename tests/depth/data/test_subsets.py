"""Images chosen from a source are spread over it, and so are the first of them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netadapt.depth.data.base import DepthSource
from netadapt.depth.data.subsets import shuffled_evenly, spread, spread_order
from netadapt.errors import DataError


class Numbered:
    """A source whose images are their numbers."""

    def __init__(self, count: int) -> None:
        self.names = [str(index) for index in range(count)]

    def __len__(self) -> int:
        return len(self.names)

    def read(self, index: int) -> Any:
        return index


def source(count: int) -> DepthSource:
    return Numbered(count)


@given(st.integers(1, 300))
def test_an_order_has_every_index_once(count: int) -> None:
    assert sorted(spread_order(count)) == list(range(count))


@given(st.integers(8, 300), st.integers(1, 300))
def test_the_first_images_are_from_everywhere(count: int, wanted: int) -> None:
    chosen = shuffled_evenly(spread(source(count), wanted))
    assert len(chosen) == min(count, wanted)
    assert len({chosen.read(index) for index in range(len(chosen))}) == len(chosen)
    for first in (4, 8):
        if first <= len(chosen):
            seen: list[Any] = sorted(chosen.read(index) for index in range(first))
            widest = max(b - a for a, b in zip(seen, [*seen[1:], count + seen[0]], strict=True))
            assert widest <= 4 * count / first


def test_no_images_are_refused() -> None:
    with pytest.raises(DataError, match="0 images were asked for"):
        spread(source(3), 0)
