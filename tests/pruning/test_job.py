"""The main job on the real thing: published weights, real frames, real latencies."""

from __future__ import annotations

import shutil

import pandas as pd
import pytest
import torch

from netadapt.depth.data.rgbd_import import import_folder
from netadapt.errors import InputError, WeightsError
from netadapt.graph import trace
from netadapt.networks import load_model, read_config
from netadapt.pruning.job import OpenedBy, PruneJob, prepare, start
from netadapt.pruning.time_left import TimeLeft
from netadapt.training.tasks import TaskRequest, open_task


@pytest.fixture(scope="module")
def kitchen(shared_data, tmp_path_factory):
    """Eight of the kitchen's frames, two of them held out."""
    source = tmp_path_factory.mktemp("recording")
    for number in range(0, 32, 4):
        for kind in ("color.jpg", "depth.png"):
            shutil.copy(shared_data / "rgbd" / "kitchen" / f"frame-{number:06d}.{kind}", source)
    target = tmp_path_factory.mktemp("data") / "kitchen"
    import_folder(source, target, holdout=0.25)
    return target


@pytest.mark.slow
def test_published_weights_are_pruned_on_real_frames(kitchen, shared_data, tmp_path):
    (weights,) = (shared_data / "fastdepth_pruned").glob("*.npz")
    opened = OpenedBy("fastdepth", "depth", str(kitchen), str(weights), holdout_images=2)
    job = PruneJob({"tx2": 5.6}, opened).changed({"finetune_steps": 1, "batch_size": 2})
    words: list[str] = []
    prepared = prepare(job, words.append)
    assert "batch norm is folded" in words[0]
    with torch.no_grad():
        picture = torch.rand(1, 3, 224, 224)
        before, _ = prepared.model(picture), words
    for _ in start(job, prepared, tmp_path / "run", resume=False):
        pass
    trajectory = pd.read_csv(tmp_path / "run" / "trajectory.csv")
    assert trajectory["latency_ms"].iloc[0] == pytest.approx(5.6, rel=0.03)
    assert trajectory["latency_ms"].iloc[-1] <= 5.6
    assert trajectory["macs"].iloc[0] == pytest.approx(0.37e9, rel=0.02)
    pruned = load_model(tmp_path / "run")
    assert trace(pruned, picture).macs == trajectory["macs"].iloc[-1]
    assert read_config(tmp_path / "run").batch_norm == "restored"
    assert torch.isfinite(before).all()


def test_weights_of_another_network_are_refused(shared_data):
    (weights,) = (shared_data / "fastdepth_pruned").glob("*.npz")
    job = PruneJob({"tx2": 5.6}, OpenedBy("resnet18-upproj", "depth", "rooms", str(weights)))
    with pytest.raises(WeightsError, match="holds mobilenet-nnconv5dw-skipadd, not resnet18"):
        prepare(job)


@pytest.mark.parametrize("name", ["nowhere:task", "json:nothing", "json:dumps", "builtins:dict"])
def test_a_task_that_is_none_is_refused(name):
    with pytest.raises(InputError, match=name.split(":")[0]):
        open_task(name, TaskRequest("", (), None, torch.device("cpu")))


def test_the_time_left_knows_proposals_that_are_tried_side_by_side(monkeypatch):
    clock = iter([0.0, 0.1, 60.0, 61.0])
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    left = TimeLeft()
    left.iteration(1)
    assert [left.candidate(0, 9), left.candidate(1, 9)] == ["", ""]
    assert left.candidate(2, 9) == "about 8 min left"  # one a minute, with the one that still runs
    assert left.candidate(3, 9) == "about 4 min left"


def test_the_time_left_counts_all_proposals(monkeypatch):
    clock = iter([0.0, 30.0, 60.0])
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    left = TimeLeft()
    left.iteration(2)
    assert left.candidate(0, 10) == ""
    assert left.candidate(1, 10) == "about 10 min left"  # 19 proposals of half a minute
    assert left.candidate(2, 10) == "about 9 min left"
