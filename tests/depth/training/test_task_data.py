"""The task `depth` as a search asks for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from netadapt.depth.data.hdf5_pairs import write_pair
from netadapt.depth.training.depth_task import DepthTask
from netadapt.depth.training.losses import log_l1
from netadapt.errors import DataError, InputError
from netadapt.training.task import tells_images
from netadapt.training.tasks import TaskRequest, open_task


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    for name in ("00001", "00002", "00003", "00201"):
        rgb = random.integers(0, 255, (3, 60, 80), dtype=np.uint8)
        depth = random.uniform(1, 5, (60, 80)).astype(np.float32)
        write_pair(tmp_path / "train" / "a" / f"{name}.h5", rgb, depth)
    return tmp_path


def test_depth_is_found_by_its_name_and_opened_for_the_network(frames: Path) -> None:
    task = open_task("depth", TaskRequest(str(frames), ((1, 3, 32, 64),), holdout_images=1))
    assert isinstance(task, DepthTask)
    assert (len(task.train), len(task.holdout)) == (2, 1)
    images, depth = next(task.training_batches(2, seed=0))
    assert (images.shape, depth.shape) == ((2, 3, 32, 64), (2, 1, 32, 64))
    prediction = torch.full_like(depth, 2.0)
    assert torch.equal(task.loss(prediction, depth), log_l1(prediction, depth))
    whole = open_task("depth", TaskRequest(str(frames), ((1, 3, 32, 64),)))
    assert len(whole.holdout) == 2


def test_of_several_sets_all_are_trained_on_and_the_first_one_judges(
    frames: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    for name in ("00001", "00002", "00003", "00201"):
        write_pair(
            other / "train" / "a" / f"{name}.h5",
            np.zeros((3, 60, 80), np.uint8),
            np.full((60, 80), 2.0, np.float32),
        )
    both = open_task("depth", TaskRequest(f"{frames},{other}", ((1, 3, 32, 64),)))
    alone = open_task("depth", TaskRequest(str(frames), ((1, 3, 32, 64),)))
    assert isinstance(both, DepthTask)
    assert isinstance(alone, DepthTask)
    assert len(both.train) == 2 * len(alone.train)
    assert len(both.holdout) == len(alone.holdout)


@pytest.mark.parametrize("kept_bytes", [0, 1 << 30])
def test_the_means_over_images_are_the_evaluation(
    frames: Path, kept_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("netadapt.depth.training.depth_task.CACHE_LIMIT_BYTES", kept_bytes)
    task = open_task("depth", TaskRequest(str(frames), ((1, 3, 32, 64),)))
    assert tells_images(task)
    model = nn.Sequential(nn.Conv2d(3, 1, 1), nn.Softplus()).eval()
    whole = task.evaluate(model)
    parts = [task.evaluate_images(model, range(at, at + 1)) for at in range(task.holdout_count)]
    for name in task.metrics:
        assert torch.cat([part[name] for part in parts]).mean() == pytest.approx(whole[name])
    assert parts[0]["rmse_m"] != parts[1]["rmse_m"]
    assert task.evaluate(model) == whole


def test_what_depth_cannot_be_of_is_refused(frames: Path) -> None:
    for shapes in (((1, 8),), ((1, 3, 32, 32), (1, 3, 32, 32))):
        with pytest.raises(InputError, match="depth is of one image"):
            open_task("depth", TaskRequest(str(frames), shapes))
    with pytest.raises(DataError, match="nowhere"):
        open_task("depth", TaskRequest("nowhere", ((1, 3, 32, 32),)))
