"""Training speed from HDF5, pack and memory: every form in turn, and what is compared."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from netadapt.depth.data.hdf5_pairs import write_pair
from netadapt.depth.data.pack_writer import pack
from netadapt.depth.fastdepth.config import FastDepthConfig
from netadapt.depth.training.training_speed import (
    TrainingSpeed,
    machine_name,
    measure_training,
    share_of_memory,
)
from netadapt.errors import DataError, InputError
from netadapt.networks import build
from tests.depth.fastdepth.thin import thin_widths

THIN = thin_widths(8)
SHORT = {"size": (32, 32), "batch_size": 2, "rounds": 2, "seconds": 0.02}


@pytest.fixture(scope="module")
def frames(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("frames")
    for index in range(2, 6):
        depth = np.full((60, 80), float(index), np.float32)
        rgb = np.full((3, 60, 80), 40 * index, np.uint8)
        write_pair(root / "train" / "a" / f"{index:05d}.h5", rgb, depth)
    return root


def test_every_form_takes_its_turns(frames, tmp_path):
    network = build(FastDepthConfig(widths=THIN))
    speeds = measure_training(frames, network, images=3, **SHORT)
    assert [speed.form for speed in speeds] == ["hdf5", "pack", "memory"]
    assert all(len(speed.rounds) == 2 and min(speed.rounds) > 0 for speed in speeds)
    pack(frames, tmp_path / "packed", workers=1)
    speeds = measure_training(tmp_path / "packed", network, images=3, **SHORT)
    assert [speed.form for speed in speeds] == ["pack", "memory"]


def test_a_round_is_compared_with_its_own_turn():
    # The machine was three times as busy in the first round, for both.
    speeds = [TrainingSpeed("pack", (9.0, 30.0, 27.0)), TrainingSpeed("memory", (10.0, 30.0, 30.0))]
    assert share_of_memory(speeds, "pack") == (pytest.approx(0.9), 1.0)
    assert share_of_memory(speeds, "memory") == (1.0, 1.0)
    assert speeds[0].median == 27


def test_the_machine_has_a_name():
    assert "cores" in machine_name("cpu")


def test_what_cannot_be_measured_is_said(tmp_path):
    network = build(FastDepthConfig(widths=THIN))
    with pytest.raises(DataError):
        measure_training(tmp_path, network, **SHORT)
    with pytest.raises(InputError, match="rounds are 0"):
        measure_training(tmp_path, network, **{**SHORT, "rounds": 0})
