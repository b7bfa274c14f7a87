"""Tiny data sets on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from netadapt.data.nyu import write_pair


def make_pair(number: int, height: int = 48, width: int = 64) -> tuple[np.ndarray, np.ndarray]:
    """A pair that `number` decides: noise in colour, a slope in depth with a hole."""
    rng = np.random.default_rng(number)
    rgb = rng.integers(0, 256, (3, height, width), dtype=np.uint8)
    depth = np.linspace(1.0, 4.0, height * width, dtype=np.float32).reshape(height, width)
    depth += np.float32(number % 5)
    depth[: height // 8] = 0.0
    return rgb, depth


@pytest.fixture
def nyu_folder(tmp_path: Path) -> Path:
    """NYU's layout: two train scenes of three files (one held out each), one validation file."""
    root = tmp_path / "nyu"
    number = 0
    for scene in ("bath_0001", "study_0002"):
        for name in ("00001", "00002", "00006"):
            write_pair(root / "train" / scene / f"{name}.h5", *make_pair(number))
            number += 1
    write_pair(root / "val" / "official" / "00001.h5", *make_pair(number))
    return root
