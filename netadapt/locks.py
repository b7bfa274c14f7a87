"""One writer at a time: lock files that the system frees when their process ends, however it ends.

A run's folder and a lookup table are each held by one process; what the others are told is said by
who asks.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

from netadapt.errors import NetadaptError, OutputError


def take_lock(path: Path, busy: Callable[[str], NetadaptError]) -> BaseFileLock:
    """Hold the lock file at `path` until `release` is called or the process ends.

    Raises what `busy` makes of the holder's process number ('unknown' where it can't be told) when
    another holds it, OutputError when the file can't be written.
    """
    lock = FileLock(path, blocking=False, thread_local=False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
        path.write_text(str(os.getpid()), encoding="utf-8")
    except Timeout:
        raise busy(_holder(path)) from None
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
    return lock


def _holder(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip() or "unknown"
    except OSError:
        return "unknown"
