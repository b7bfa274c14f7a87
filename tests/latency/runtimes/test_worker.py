"""The child process that may hang: it is given up in time, and never outlives its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from netadapt.errors import DeviceError
from netadapt.latency.runtimes.worker import Worker, WorkerTimeout

HANG_AND_DIE = """
import os, signal
from netadapt.latency.runtimes.worker import Worker
worker = Worker("threading:Event")
worker.receive(60, "starting")
signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), 9))
signal.setitimer(signal.ITIMER_REAL, 0.2)
worker.call("wait", limit_s=600, what="waiting")
"""


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = Worker("threading:Event")
    try:
        worker.receive(60, "starting")
        yield worker
    finally:
        worker.kill()


def test_calls_are_answered_and_errors_come_back(worker: Worker) -> None:
    assert worker.call("is_set", limit_s=10, what="asking") is False
    with pytest.raises(DeviceError, match="no attribute 'fly'"):
        worker.call("fly", limit_s=10, what="flying")
    worker.call("set", limit_s=10, what="setting")
    assert worker.call("is_set", limit_s=10, what="asking") is True


def test_what_hangs_is_given_up(worker: Worker) -> None:
    with pytest.raises(WorkerTimeout, match=r"waiting took longer than 0\.2 s"):
        worker.call("wait", limit_s=0.2, what="waiting")
    assert not worker.alive


def test_a_child_that_hangs_ends_with_its_parent() -> None:
    # The child writes its errors to our pipe, so that this waits for it too.
    killed = subprocess.run(
        [sys.executable, "-c", HANG_AND_DIE],
        env={**os.environ, "NETADAPT_DEBUG": "1"},
        stderr=subprocess.PIPE,
        timeout=60,
    )
    assert killed.returncode == -signal.SIGKILL
