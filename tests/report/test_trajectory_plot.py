"""Pictures of runs."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PIL import Image

from netadapt.errors import RunError
from netadapt.pruning.records import Interval, StepRecord, frame_of
from netadapt.report.run_on_disk import read_some_steps
from netadapt.report.trajectory_plot import draw_trajectories, widths_by_group


@pytest.fixture
def steps():
    """A run of three iterations."""
    return [
        StepRecord(
            iteration=i,
            latency=Interval(8.0 - i, 7.5 - i, 8.5 - i),
            metrics={"delta1": 0.8 - 0.01 * i, "rmse_m": 0.5, "absrel": 0.1},
            macs=10**9 - i,
            checkpoint=f"iter_{i:03d}",
            widths={"conv0": 32, "conv1": 64 - 8 * i},
        )
        for i in range(3)
    ]


@pytest.fixture
def run(steps, tmp_path):
    """Its folder, as the search writes it."""
    folder = tmp_path / "run"
    folder.mkdir()
    frame_of(steps).to_csv(folder / "trajectory.csv", index=False)
    return folder


def test_a_picture_of_two_runs(run, tmp_path):
    draw_trajectories([run, run], tmp_path / "out.png")
    with Image.open(tmp_path / "out.png") as picture:
        assert picture.size[0] > 1000
        assert len(picture.convert("RGB").getcolors(1 << 20)) > 50


def test_a_run_without_milliseconds_is_drawn_by_its_macs(steps, tmp_path):
    frame = frame_of([replace(step, latency=None) for step in steps])
    frame.to_csv(tmp_path / "trajectory.csv", index=False)
    draw_trajectories([tmp_path], tmp_path / "out.png")
    assert (tmp_path / "out.png").stat().st_size > 1000


def test_widths_are_read_back(run, steps):
    assert read_some_steps(run) == steps
    assert widths_by_group(read_some_steps(run))["conv1"].tolist() == [64, 56, 48]


def test_a_run_without_a_row_is_told(tmp_path):
    header = ",".join(StepRecord.columns(("delta1",)))
    (tmp_path / "trajectory.csv").write_text(header + "\n")
    with pytest.raises(RunError, match="has no rows yet; continue the run with --resume"):
        draw_trajectories([tmp_path], tmp_path / "out.png")


def test_a_folder_without_a_trajectory_is_refused(tmp_path):
    with pytest.raises(RunError, match=r"no trajectory\.csv"):
        draw_trajectories([tmp_path], tmp_path / "out.png")
