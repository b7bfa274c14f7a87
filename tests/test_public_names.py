"""The names that users import stay, and importing netadapt stays cheap."""

from __future__ import annotations

import subprocess
import sys

import pytest

import netadapt

PUBLIC = {
    "Callback",
    "Candidate",
    "CandidateRecord",
    "ChannelGroup",
    "ClassificationTask",
    "Constraint",
    "DepthTask",
    "DeviceProfile",
    "Executor",
    "FineTuning",
    "Importance",
    "Interval",
    "Iteration",
    "Latency",
    "LatencyEstimator",
    "LayerGraph",
    "LayerShape",
    "LookupTable",
    "OpSpec",
    "Proposal",
    "Result",
    "Runtime",
    "Search",
    "SearchSettings",
    "Step",
    "StepRecord",
    "Strategy",
    "Task",
    "TaskRequest",
    "Timing",
    "cut",
    "fine_tune",
    "load_model",
    "load_profile",
    "prune",
    "register_constraint",
    "register_executor",
    "register_importance",
    "register_network",
    "register_op",
    "register_runtime",
    "register_strategy",
    "save_model",
    "search",
    "trace",
}


def test_public_names():
    assert set(netadapt.__all__) == PUBLIC
    for name in PUBLIC:
        assert callable(getattr(netadapt, name)), name


def test_nothing_heavy_is_loaded_for_the_help():
    code = (
        "import sys, netadapt.cli.app, netadapt.latency.table.table; "
        "print(sorted({'torch', 'pandas', 'numba', 'tvm', 'matplotlib'} & set(sys.modules)))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"


def test_mistaken_names_are_told():
    with pytest.raises(AttributeError, match="no attribute 'prun'"):
        netadapt.prun  # noqa: B018
