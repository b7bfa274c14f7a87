"""A small FastDepth whose batch norm is folded away, as its authors' weights are published."""

from __future__ import annotations

from pathlib import Path

import numpy as np


def small_archive(file: Path, **changes: np.ndarray | None) -> Path:
    """An archive with the published keys, every layer four channels wide."""
    generator = np.random.default_rng(0)
    arrays: dict[str, np.ndarray] = {"encoder.conv0.weight": generator.normal(size=(4, 3, 3, 3))}
    arrays["encoder.conv0.bias"] = generator.normal(size=4)
    stages = [("encoder", i, 3) for i in range(1, 14)] + [("decoder", i, 5) for i in range(1, 6)]
    for part, i, kernel in stages:
        arrays[f"{part}.conv{i}.dw.weight"] = generator.normal(size=(4, 1, kernel, kernel))
        arrays[f"{part}.conv{i}.pw.weight"] = generator.normal(size=(4, 4, 1, 1))
        for kind in ("dw", "pw"):
            arrays[f"{part}.conv{i}.{kind}.bias"] = generator.normal(size=4)
    arrays["decoder.conv6.pw.weight"] = generator.normal(size=(1, 4, 1, 1))
    arrays["decoder.conv6.pw.bias"] = generator.normal(size=1)
    for key, array in changes.items():
        if array is None:
            del arrays[key]
        else:
            arrays[key] = array
    np.savez(file, **{key: array.astype(np.float32) for key, array in arrays.items()})
    return file
