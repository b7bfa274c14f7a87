"""How the renderer's inner loops are compiled: ahead of the first frame, kept on disk.

numba notices when a compiled function's own file changes, but not when a function that it calls
from another file does; so this drops all that was compiled before the newest source was written.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from numba import njit

FAST: dict[str, Any] = {"cache": True, "fastmath": True, "nogil": True}

kernel = njit(**FAST)
"""A compiled function. Fast arithmetic knows neither infinity nor NaN."""

inlined = njit(**FAST, forceinline=True)
"""A small compiled function, laid into its callers: passing a scene's arrays costs more."""


def drop_stale_kernels(folder: Path) -> None:
    """Delete numba's index files in `folder`/__pycache__ that are older than a source there."""
    with suppress(OSError):
        newest = max(source.stat().st_mtime for source in folder.glob("*.py"))
        for index in (folder / "__pycache__").glob("*.nbi"):
            if index.stat().st_mtime < newest:
                index.unlink(missing_ok=True)


drop_stale_kernels(Path(__file__).parent)
