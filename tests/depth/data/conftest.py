"""Tiny data sets on disk."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_pairs import make_pair

from netadapt.depth.data.hdf5_pairs import write_pair


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
