"""Processes that make a data set or look through one, several parts of it at a time.

A worker ends with the process that started it, however that ended: an orphan would wait for ever,
or go on writing into a folder that the same command, run again, is filling already.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path

from netadapt.errors import OutputError
from netadapt.orphans import end_with_parent


@contextmanager
def worker_pool(target: Path, workers: int) -> Iterator[ProcessPoolExecutor]:
    """A pool of `workers` processes that work on the folder `target`.

    What they haven't begun when the block ends is dropped. Raises OutputError when one of them
    was killed.
    """
    # Spawned, since the caller may have threads running, and HDF5 admits one reader a process.
    pool = ProcessPoolExecutor(workers, get_context("spawn"), initializer=_begin)
    try:
        yield pool
    except BrokenProcessPool as error:
        raise OutputError(
            f"{target}: a process that works on it was killed, perhaps for want of memory; run the "
            f"same command with fewer --workers to go on"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _begin() -> None:
    # Ctrl-C ends a worker at once and silently: what it hadn't finished is made again.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    end_with_parent()
