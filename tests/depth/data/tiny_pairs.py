"""Pairs that a number decides, for data sets that take no time to make."""

from __future__ import annotations

import numpy as np


def make_pair(number: int, height: int = 48, width: int = 64) -> tuple[np.ndarray, np.ndarray]:
    """A pair that `number` decides: noise in colour, a slope in depth with a hole."""
    rng = np.random.default_rng(number)
    rgb = rng.integers(0, 256, (3, height, width), dtype=np.uint8)
    depth = np.linspace(1.0, 4.0, height * width, dtype=np.float32).reshape(height, width)
    depth += np.float32(number % 5)
    depth[: height // 8] = 0.0
    return rgb, depth
