"""`netadapt plan` as a user types it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def plan(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "netadapt", "plan", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
        timeout=300,
    )


def test_plan_says_what_is_cut_together_what_stays_and_why() -> None:
    done = plan("--model", "tests.zoo.oddities:WithUnknown", "--input-size", "32", "--quiet")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "conv1  conv2d 3→16 k3 @32×32 relu" in done.stdout
    assert "2 channel groups can be cut" in done.stdout
    assert "it touches 'sort', an operator that netadapt doesn't handle" in done.stdout
    assert "sort in the network itself" in done.stdout


def test_plan_as_json() -> None:
    done = plan("--model", "fastdepth", "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    groups = {group["name"]: group for group in result["groups"]}
    assert groups["conv1"]["widths"] == [8, 16, 24, 32, 40, 48, 56, 64]
    assert groups["decode_conv6"]["frozen"]
    assert result["layers"][0]["op"] == "conv2d"
    assert round(result["macs"] / 1e9, 2) == 0.74


def test_plan_refuses_in_one_line() -> None:
    wrong = plan("--model", "tests.zoo.oddities:Siamese", "--quiet")
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("netadapt: cannot trace Siamese: missing a required argument")
    assert wrong.stderr.count("\n") == 1
    shape = plan("--model", "tests.zoo.oddities:Siamese", "--input-shape", "1x3xx2")
    assert shape.returncode == 2
    assert "is not a shape" in shape.stderr


def test_plan_of_a_network_with_two_inputs() -> None:
    done = plan(
        *("--model", "tests.zoo.oddities:Siamese", "--input-shape", "1x3x16x16"),
        *("--input-shape", "1x3x16x16", "--json", "--quiet"),
    )
    assert done.returncode == 0, done.stderr
    names = [group["name"] for group in json.loads(done.stdout)["groups"]]
    assert "trunk" in names
