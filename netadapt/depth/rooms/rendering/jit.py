"""How the renderer's inner loops are compiled: ahead of the first frame, kept on disk.

numba notices when a compiled function's own file changes, but not when a function that it calls
from another file does; so this drops all that was compiled before the newest source was written.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from netadapt.extras import needed

njit = needed("numba", "depth").njit

Function = TypeVar("Function", bound=Callable[..., Any])


def kernel(function: Function) -> Function:
    """Compile a function. Fast arithmetic knows neither infinity nor NaN."""
    compiled: Function = njit(cache=True, fastmath=True, nogil=True)(function)
    return compiled


def inlined(function: Function) -> Function:
    """Compile a small function into its callers: passing a scene's arrays costs more than it."""
    compiled: Function = njit(cache=True, fastmath=True, nogil=True, forceinline=True)(function)
    return compiled


def drop_stale_kernels(folder: Path) -> None:
    """Delete numba's index files below `folder` that are older than a source below it."""
    with suppress(OSError):
        newest = max(source.stat().st_mtime for source in folder.rglob("*.py"))
        for index in folder.rglob("__pycache__/*.nbi"):
            if index.stat().st_mtime < newest:
                index.unlink(missing_ok=True)


drop_stale_kernels(Path(__file__).parents[1])  # all of rooms/
