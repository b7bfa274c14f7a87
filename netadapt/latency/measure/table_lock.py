"""One build at a time on one table: a lock file beside it, held for as long as a build runs."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from netadapt.errors import OutputError, TableError


@contextmanager
def table_lock(table: Path) -> Iterator[None]:
    """Hold the table's lock for the block; the system frees it when the process ends, however.

    Raises TableError naming the process that holds it.
    """
    path = table.with_suffix(".lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        stream = path.open("a+", encoding="utf-8")
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
    with stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            stream.seek(0)
            holder = stream.read().strip() or "unknown"
            raise TableError(
                f"{table} is being written by another build (process {holder}); wait until it "
                f"has ended, or build another table with: netadapt lut build --out FILE"
            ) from None
        stream.truncate(0)
        stream.write(str(os.getpid()))
        stream.flush()
        try:
            yield
        finally:
            stream.truncate(0)
