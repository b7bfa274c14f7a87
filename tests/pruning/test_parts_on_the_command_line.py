"""`netadapt prune` with parts that the network's module registers, and what it says at first."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import tiny

import netadapt
from netadapt.pruning.importance.registry import IMPORTANCES

MODULE = """
import netadapt, tiny, torch

def first(model, graph, task, seed):
    return {group.name: -torch.arange(group.width, dtype=torch.float) for group in graph.groups}

netadapt.register_importance("first channels", first)
network = tiny.network
"""


@pytest.fixture
def prune(tmp_path: Path, command, monkeypatch):
    """`netadapt prune OPTIONS…` of `parts:network`; gives stderr."""
    (tmp_path / "parts.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    macs = netadapt.trace(tiny.network(), tiny.EXAMPLE).macs

    def call(*options: str) -> str:
        given = ("--model", "parts:network", "--input-shape", "1x3x8x8", "--task", "tiny:task")
        given += ("--device", "macs", "--budget-ms", str(0.9 * macs), "--finetune-steps", "0")
        code, _, answer = command("prune", *given, "--out", tmp_path / "run", *options)
        assert code == 0, answer
        return answer

    yield call
    IMPORTANCES._known.pop("first channels", None)
    sys.modules.pop("parts", None)


def test_what_the_networks_module_registers_has_its_name(prune, tmp_path: Path) -> None:
    prune("--importance", "first channels")
    assert '"first channels"' in (tmp_path / "run" / "run.json").read_text()


def test_a_run_that_is_not_there_is_begun_and_weights_are_asked_for(prune) -> None:
    told = prune("--resume")
    assert "holds no run: this begins one" in told
    assert "the weights are those that parts:network gives; for trained ones add --weights" in told
    assert "holds no run" not in prune("--resume")
