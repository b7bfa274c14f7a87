"""The cores that a process may use: by affinity, and by a container's quota."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from netadapt.cores import WITHOUT_SPINNING, usable_cores, wait_without_spinning


@pytest.fixture
def many(monkeypatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)), raising=False)


@pytest.mark.parametrize(
    ("text", "cores"),
    [("max 100000", 16), ("200000 100000", 2), ("150000 100000", 2), ("1 100000", 1), ("?", 16)],
)
def test_a_containers_quota_counts(many: None, tmp_path: Path, text: str, cores: int) -> None:
    (tmp_path / "cpu.max").write_text(text + "\n")
    assert usable_cores(tmp_path) == cores


def test_an_older_containers_quota_counts(many: None, tmp_path: Path) -> None:
    assert usable_cores(tmp_path) == 16
    (tmp_path / "cpu").mkdir()
    for quota, cores in (("-1", 16), ("400000", 4)):
        (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text(quota)
        (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000")
        assert usable_cores(tmp_path) == cores


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system has no affinity")
def test_threads_are_no_more_than_the_cores_allowed() -> None:
    code = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
        "import torch; torch.set_num_threads(8)\n"
        "from netadapt.training.compute import use_threads\n"
        "use_threads(None); print(torch.get_num_threads())\n"
        "use_threads(3); print(torch.get_num_threads())\n"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert answer.stdout.split() == ["1", "3"], answer.stderr


@pytest.mark.parametrize("own", [{}, {"GOMP_SPINCOUNT": "5"}, {"OMP_WAIT_POLICY": "ACTIVE"}])
def test_threads_sleep_while_they_wait_unless_the_user_says_how(monkeypatch, own) -> None:
    monkeypatch.setattr(os, "environ", dict(own))
    wait_without_spinning()
    assert os.environ == (own or WITHOUT_SPINNING)


def test_the_command_says_so_before_torch_is_imported() -> None:
    code = "import sys, netadapt.cli.app; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
