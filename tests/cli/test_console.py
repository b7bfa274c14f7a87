"""How a command ends: signals, and what the exit code says."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

WORKING = """
import os, signal, sys, time
from netadapt.cli.console import run_app, say

def work(**_):
    if child := os.fork():
        time.sleep(0.5)  # right after a fork, Python loses signals
        os.kill(child, signal.SIGTERM)
        say(f"child ended by {os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}")
        time.sleep(60)
    time.sleep(60)

sys.exit(run_app(work))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_command_that_is_stopped_says_so(number: signal.Signals) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", WORKING], stderr=subprocess.PIPE, text=True, bufsize=1
    )
    assert process.stderr is not None
    assert process.stderr.readline() == f"child ended by {-signal.SIGTERM}\n"
    process.send_signal(number)
    _, error = process.communicate(timeout=30)
    assert process.returncode == 130
    assert error.splitlines()[-1] == "netadapt: interrupted"
