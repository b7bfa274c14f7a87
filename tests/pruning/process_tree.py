"""Processes of this machine: which a process has started, and whether they live."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path


def children(pid: int) -> list[int]:
    """The processes that `pid` has started and that live."""
    return [child for child, parent in _parents().items() if parent == pid]


def descendants(pid: int) -> list[int]:
    """Those, and what they have started in turn."""
    parents = _parents()
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found[1:]


def lives(pid: int) -> bool:
    """Whether a process has not ended."""
    state = _state(pid)
    return state is not None and state[0] != "Z"


def name_of(pid: int) -> str:
    """The program that a process runs, or what it calls itself."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")[0].strip()
    except OSError:
        return ""


def until(true: Callable[[], object]) -> None:
    """Wait for it."""
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _parents() -> dict[int, int]:
    pids = [int(file.name) for file in Path("/proc").glob("[0-9]*")]
    states = {pid: _state(pid) for pid in pids}
    return {pid: int(state[1]) for pid, state in states.items() if state and state[0] != "Z"}


def _state(pid: int) -> list[str] | None:
    """The state's letter, the parent, and more; None where there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
