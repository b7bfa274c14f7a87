"""A run for a terminal."""

from __future__ import annotations

from netadapt.pruning.records import Interval, StepRecord, frame_of
from netadapt.report.run_on_disk import RunOnDisk
from netadapt.report.trajectory_text import sparkline, trajectory_text


def test_sparklines() -> None:
    assert sparkline([0, 7]) == "▁█"
    assert sparkline([8, 16], 0, 16) == "▅█"
    assert sparkline([3, 3, 3]) == "▅▅▅"
    long = sparkline(list(range(500)))
    assert len(long) <= 60
    assert long[-1] == "█"  # the last one is there


def test_a_run_in_lines(tmp_path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    steps = [
        StepRecord(
            iteration=i,
            group="conv1" if i else "",
            width_before=64 if i else None,
            width_after=32 if i else None,
            latency=Interval(8.0 - 2 * i, 7.0 - 2 * i, 8.5),
            metrics={"accuracy": 0.8 - 0.05 * i},
            macs=10**8,
            params=10**6,
            checkpoint=f"iter_{i:03d}",
            widths={"conv0": 32, "conv1": 64 // (1 + i)},
        )
        for i in range(2)
    ]
    frame_of(steps).to_csv(run / "trajectory.csv", index=False)
    (run / "run.json").write_text('{"budget": {"tx2": 6.5}}')
    lines = trajectory_text(RunOnDisk.read(run)).splitlines()
    assert lines[:2] == ["run", next(line for line in lines if "met: 6.00 of 6.5 ms" in line)]
    assert "latency, ms  8.00 → 6.00    -25.0 %  █▁" in lines
    assert "accuracy     0.800 → 0.750  -0.050   █▁" in lines
    assert "conv1  64 → 32  50 %   █▅" in lines
    assert "conv0  32 → 32  100 %  ██" in lines
