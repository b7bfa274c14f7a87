"""How many processor cores this process may use: on a shared machine fewer than there are.

And how threads wait there: a core that one takes while it waits is missing to those that compute.
"""

from __future__ import annotations

import math
import os
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")

WITHOUT_SPINNING = {"OMP_WAIT_POLICY": "PASSIVE", "KMP_BLOCKTIME": "0"}
"""What OpenMP reads from the environment when torch is imported: threads sleep while they wait."""


def wait_without_spinning() -> None:
    """Let the threads of this process wait so, unless the user's environment says how.

    To be called before torch is imported. Threads that spin burn the core that the one they wait
    for needs, where other processes want it too. `OMP_WAIT_POLICY=ACTIVE` compares.
    """
    if not {"GOMP_SPINCOUNT", *WITHOUT_SPINNING} & os.environ.keys():
        os.environ.update(WITHOUT_SPINNING)


def usable_cores(cgroup: Path = CGROUP) -> int:
    """The cores that the process is allowed (its affinity), and that its container's quota pays.

    `cgroup` is where the system tells of the quota; a machine without one gives all allowed cores.
    """
    if hasattr(os, "sched_getaffinity"):
        allowed = len(os.sched_getaffinity(0))
    else:
        allowed = os.cpu_count() or 1
    return max(1, math.ceil(min(allowed, _quota(cgroup))))


def _quota(cgroup: Path) -> float:
    """Cores' worth of time that the container may take; infinite without a limit."""
    try:
        words = (cgroup / "cpu.max").read_text(encoding="ascii").split()
    except (OSError, ValueError):
        words = [_read(cgroup / "cpu" / f"cpu.cfs_{name}_us") for name in ("quota", "period")]
    try:
        quota, period = (float(word) for word in words)
    except ValueError:
        return math.inf  # 'max', or nothing said
    return quota / period if quota > 0 and period > 0 else math.inf


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii")
    except (OSError, ValueError):
        return ""
