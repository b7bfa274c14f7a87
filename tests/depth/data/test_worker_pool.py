"""Worker processes: they end with what started them, and one that is killed is told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from netadapt.depth.data.worker_pool import worker_pool
from netadapt.errors import OutputError

WORK_AND_DIE = """
import os, time
from pathlib import Path
from netadapt.depth.data.worker_pool import worker_pool
if __name__ == "__main__":
    with worker_pool(Path("set"), 2) as pool:
        pool.submit(os.getpid).result()
        pool.submit(time.sleep, 600)
        os.kill(os.getpid(), 9)
"""


def test_workers_end_with_the_process_that_started_them(tmp_path: Path) -> None:
    script = tmp_path / "work_and_die.py"
    script.write_text(WORK_AND_DIE)
    # The pipe is the workers' too, so that this waits for them.
    killed = subprocess.run([sys.executable, script], stdout=subprocess.PIPE, timeout=60)
    assert killed.returncode == -signal.SIGKILL


def test_a_worker_that_is_killed_is_told_in_one_line() -> None:
    with (
        pytest.raises(OutputError, match=r"set: .* fewer --workers"),
        worker_pool(Path("set"), 2) as pool,
    ):
        pool.submit(os.kill, pool.submit(os.getpid).result(), signal.SIGKILL).result()
