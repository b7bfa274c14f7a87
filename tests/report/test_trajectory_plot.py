"""Pictures of runs."""

from __future__ import annotations

import pandas as pd
import pytest
from PIL import Image

from netadapt.errors import RunError
from netadapt.pruning.records import candidate_columns, metric_columns, trajectory_columns
from netadapt.report.trajectory_plot import draw_trajectories, widths_by_group


@pytest.fixture
def run(tmp_path):
    """A run of three iterations, as the search writes it."""
    columns = trajectory_columns(("delta1", "rmse_m", "absrel"))
    rows = [
        {
            **dict.fromkeys(columns, ""),
            "iteration": i,
            "latency_ms": 8.0 - i,
            "latency_low_ms": 7.5 - i,
            "latency_high_ms": 8.5 - i,
            "delta1": 0.8 - 0.01 * i,
            "widths": f"conv0=32 conv1={64 - 8 * i}",
        }
        for i in range(3)
    ]
    folder = tmp_path / "run"
    folder.mkdir()
    pd.DataFrame(rows, columns=columns).to_csv(folder / "trajectory.csv", index=False)
    return folder


def test_a_picture_of_two_runs(run, tmp_path):
    draw_trajectories([run, run], tmp_path / "out.png")
    with Image.open(tmp_path / "out.png") as picture:
        assert picture.size[0] > 1000
        assert len(picture.convert("RGB").getcolors(1 << 20)) > 50


def test_widths_are_read_back(run):
    widths = widths_by_group(pd.read_csv(run / "trajectory.csv"))
    assert widths["conv1"].tolist() == [64, 56, 48]


def test_the_metrics_are_the_tasks_whatever_they_are():
    for metrics in (("accuracy",), ("delta1", "rmse_m", "absrel")):
        assert metric_columns(trajectory_columns(metrics)) == metrics
        assert metric_columns(candidate_columns(metrics)) == metrics


def test_a_folder_without_a_trajectory_is_refused(tmp_path):
    with pytest.raises(RunError, match=r"no trajectory\.csv"):
        draw_trajectories([tmp_path], tmp_path / "out.png")
