"""Compiled kernels that are kept on disk are never older than their sources."""

from __future__ import annotations

import os
from pathlib import Path

from netadapt.depth.rooms.rendering.jit import drop_stale_kernels


def test_kernels_older_than_a_source_are_dropped(tmp_path: Path) -> None:
    """numba keeps a caller compiled when what it calls in another file has changed."""
    cache = tmp_path / "__pycache__"
    cache.mkdir()
    source = tmp_path / "kernel.py"
    source.write_text("")
    for name, age_s in (("old.nbi", -100), ("new.nbi", 100)):
        (cache / name).write_text("")
        time_s = source.stat().st_mtime + age_s
        os.utime(cache / name, (time_s, time_s))
    drop_stale_kernels(tmp_path)
    assert [path.name for path in cache.iterdir()] == ["new.nbi"]
