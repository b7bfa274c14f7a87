"""One writer at a time: lock files that the system frees when their process ends, however it ends.

Whatever a command writes for long, a run's folder, a training's, a data set's, a lookup table, is
held by one process.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

from netadapt.errors import NetadaptError, OutputError
from netadapt.remarks import remark

LOCK = ".lock"
"""In a folder that one process at a time may write to."""


def take_lock(
    path: Path, busy: Callable[[str], NetadaptError], *, wait: bool = False
) -> BaseFileLock:
    """Hold the lock file at `path` until `release` is called or the process ends.

    With `wait`, as soon as another process lets it go.

    Raises what `busy` makes of the holder's process number ('unknown' where it can't be told) when
    another holds it, OutputError when the file can't be written.
    """
    lock = FileLock(path, blocking=wait, thread_local=False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
        path.write_text(str(os.getpid()), encoding="utf-8")
    except Timeout:
        raise busy(_holder(path)) from None
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
    return lock


@contextmanager
def held(folder: Path, error: type[NetadaptError], *, wait: bool = False) -> Iterator[None]:
    """Be the only one to write to `folder` while the block runs; its lock file is removed then.

    The folder is made where it isn't there. Where another process writes to it, raises `error`,
    naming that process; with `wait`, says so and waits until it ends. A block that raises `error`
    leaves no folder that it has put nothing into. Raises OutputError when the folder can't be
    written.
    """
    was_there = folder.exists()

    def busy(holder: str) -> NetadaptError:
        return error(
            f"{folder} is being written by another process ({holder}); wait for it, or choose "
            f"another folder"
        )

    try:
        lock = take_lock(folder / LOCK, busy)
    except error as fault:
        if not wait:
            raise
        remark(f"{str(fault).partition(';')[0]}: waiting for it")
        lock = take_lock(folder / LOCK, busy, wait=True)
    try:
        yield
    except error:
        if not was_there:
            (folder / LOCK).unlink(missing_ok=True)
            with suppress(OSError):  # what was written into it stays
                folder.rmdir()
        raise
    finally:
        # Who waits for this very file is told by filelock that it is gone, and takes a new one.
        (folder / LOCK).unlink(missing_ok=True)
        lock.release()


def _holder(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip() or "unknown"
    except OSError:
        return "unknown"
