"""Networks compared image by image.

Two means over the same images differ by much less than either is uncertain: what is hard in an
image is hard for both. So candidates are compared by the differences of their images, whose spread
tells how sure the comparison is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

CLEAR = 2.0
"""Standard errors from 0 at which a difference is clear."""


@dataclass(frozen=True)
class Difference:
    """A mean difference with its standard error; infinite where one image tells nothing of it."""

    mean: float
    error: float

    @property
    def is_clear(self) -> bool:
        """Whether chance alone would hardly bring it."""
        return abs(self.mean) > CLEAR * self.error


def difference(first: Tensor, second: Tensor) -> Difference:
    """`first` less `second`, scores `[N]` of the same images; NaN, of an image that tells nothing,
    is left out."""
    each = (first - second).double()
    each = each[~each.isnan()]
    if len(each) == 0:
        return Difference(0.0, math.inf)
    error = float(each.std() / math.sqrt(len(each))) if len(each) > 1 else math.inf
    return Difference(float(each.mean()), error)


def losses(before: Tensor, after: Tensor, saved: float) -> Tensor:
    """What each image's accuracy lost for each unit saved: `[N]`; infinite where nothing is."""
    if saved <= 0:
        return torch.full_like(before, math.inf)
    return (before - after) / saved


def as_many_again(done: int, whole: int) -> range:
    """The images that come after `done` of `whole`: twice as many then, or all."""
    return range(done, min(2 * done, whole))
