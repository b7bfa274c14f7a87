"""Values on the command line that nothing can be made of, and an output that takes nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from command import one_line

LONG = "n" * 5000


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("afile").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("plan", "--model", LONG), "no network is named"),
        (("models", "show", LONG), "File name too long"),
        (("lut", "show", "--device", LONG), "File name too long"),
        (("lut", "estimate", "--device", LONG), "File name too long"),
        (("bench", "fastdepth", "--device", LONG), "File name too long"),
        (("finetune", LONG), "File name too long"),
        (("report", LONG), "File name too long"),
        (("data", "check", LONG), "File name too long"),
        (("export", LONG), "File name too long"),
        (("evaluate", LONG), "File name too long"),
        (("prune", "--budget-ms", 6, "--task", LONG), "there is no task called"),
        (("prune", "--budget-ms", 6, "--strategy", LONG), "there is no strategy called"),
        (("prune", "--seed", 2**70, "--budget-ms", 6), "'--seed'"),
        (("train", "--seed", -1), "'--seed'"),
        (("evaluate", "fastdepth", "--batch-size", 10**9), "'--batch-size'"),
        (("prune", "--budget-ms", 6, "--batch-size", 10**9), "the batch size is 1000000000"),
        (("finetune", "afile", "--batch-size", 10**9), "the batch size is 1000000000"),
        (("plan", "--input-size", "60000x60000"), "million numbers"),
        (("plan", "--input-size", "2²"), "is not a size"),
        (("plan", "--input-shape", f"1x3x{'9' * 5000}x1"), "is not a shape"),
        (("plan", "--min-width", f"conv1={'9' * 5000}"), "expected GROUP=N"),
        (("models", "copy", "fastdepth", "--out", "afile/x"), "afile/x"),
        (("models", "copy", "fastdepth", "--out", LONG), "File name too long"),
        (("prune", "--budget-ms", 6, "--out", "afile", "--data", "afile"), "afile"),
        (("data", "pack", "afile", "afile"), "afile"),
    ],
    ids=lambda value: " ".join(map(str, value))[:40] if isinstance(value, tuple) else None,
)
def test_a_value_that_cannot_be_is_told_in_a_line(netadapt, place, arguments, said) -> None:
    code, out, err = netadapt(*arguments)
    assert code == 2
    assert not out
    line = one_line(err)
    assert said in line
    assert len(line) < 2100
    assert sorted(file.name for file in place.iterdir()) == ["afile"]


COMMAND = (sys.executable, "-m", "netadapt", "lut", "show", "--device", "tx2", "--quiet")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("redirected", "code", "said"),
    [
        (">/dev/full", 2, "netadapt: cannot write what was found: No space left on device\n"),
        (">&-", 0, ""),
        ("| true", 0, ""),
        ("2>&-", 0, ""),
    ],
)
def test_a_full_or_closed_output_is_no_traceback(redirected: str, code: int, said: str) -> None:
    """By a shell: only it closes the streams that a process begins with."""
    piped = "; exit ${PIPESTATUS[0]}" if "|" in redirected else ""
    done = subprocess.run(
        ["bash", "-c", f'"$@" {redirected}{piped}', "bash", *COMMAND],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert (done.returncode, done.stderr) == (code, said)
