"""The pages as a browser shows them: a silent console, and nothing wider than the window."""

from __future__ import annotations

from pathlib import Path

import pytest
from browser import look_at

from netadapt.latency.table.table import find_table
from netadapt.pruning.records import CandidateRecord, Interval, StepRecord, frame_of
from netadapt.report.bench_page import write_bench
from netadapt.report.report_kinds import write_report
from tests.deploy.bench_figures import FIGURES

pytestmark = pytest.mark.slow

LONG = "features.stage_number_three.block_with_a_long_name.conv"
GROUPS = {"conv0": 32, LONG: 256, **{f"decoder.{i}.conv": 64 for i in range(20)}}


def run(folder: Path, iterations: int) -> Path:
    """A run with long names, as the search writes it."""
    steps = [
        StepRecord(
            iteration=i,
            group=LONG if i else "",
            width_before=256 if i else None,
            width_after=248 if i else None,
            latency=Interval(80.0 - i, 70.0 - i, 95.0 - i),
            target_ms=80.1 - i if i else None,
            metrics={"delta1": 0.8 - 0.001 * i, "rmse_m": 0.5, "absrel": 0.2},
            macs=740_000_000 - i,
            params=3_900_000,
            checkpoint=f"iter_{i:03d}",
            widths={**GROUPS, LONG: 256 - 4 * i},
        )
        for i in range(iterations)
    ]
    tried = CandidateRecord(
        **{name: value for name, value in vars(steps[1]).items() if name in _SHARED},
        stage="short-term",
        chosen=True,
    )
    folder.mkdir(parents=True)
    frame_of(steps).to_csv(folder / "trajectory.csv", index=False)
    frame_of([tried]).to_csv(folder / "candidates.csv", index=False)
    (folder / "run.json").write_text(
        f'{{"budget": {{"tx2": 60.5}}, "source": "tx2: {"a/very/long/path/" * 12}tx2.csv"}}'
    )
    return folder


_SHARED = ("iteration", "group", "width_before", "width_after", "latency", "metrics", "widths")


def training(folder: Path) -> Path:
    folder.mkdir()
    header = "epoch,size,learning_rate,loss,delta1,rmse_m,absrel,images_per_second,seconds\n"
    rows = [f"{i},{64 + i}x64,0.01,{1 / i},0.{400 + i},0.9,0.4,80,150\n" for i in range(1, 9)]
    (folder / "history.csv").write_text(header + "".join(rows))
    return folder


@pytest.mark.parametrize("kind", ["run", "runs", "trainings", "tables", "bench"])
def test_pages(kind: str, tmp_path: Path) -> None:
    shown = {
        "run": lambda: [run(tmp_path / "one", 30)],
        "runs": lambda: [run(tmp_path / name, count) for name, count in _RUNS],
        "trainings": lambda: [training(tmp_path / "a"), training(tmp_path / "b")],
        "tables": lambda: [find_table("tx2"), find_table("tx2-cpu")],
        "bench": list,
    }[kind]()
    page = tmp_path / "page.html"
    if kind == "bench":
        write_bench(FIGURES, page)
    else:
        write_report(shown, [page])
    seen = look_at(page, tmp_path)
    assert seen.console == []
    for width, measured in seen.found.items():
        assert not measured["scrolls"], width
        assert measured["outside"] == [], width
        assert measured["titles"] > 5  # hover values
        assert measured["plots"], width
    lefts = [left for left, _, _ in seen.found[390]["plots"]]
    assert len({*lefts}) == 1  # they stand one above the other
    assert all(wide > 300 for _, _, wide in seen.found[390]["plots"])
    if len(lefts) > 1:
        assert len({left for left, _, _ in seen.found[1400]["plots"]}) > 1  # side by side


_RUNS = [("first", 3), ("a-run-with-a-name-that-is-long-enough-to-need-a-line-of-its-own", 12)]


def test_a_look_sees_what_is_wrong(tmp_path: Path) -> None:
    page = tmp_path / "bad.html"
    page.write_text(
        "<!doctype html><body><script>console.error('lost')</script>"
        "<p style='width: 700px'>too wide</p>"
    )
    seen = look_at(page, tmp_path)
    assert any("lost" in line for line in seen.console)
    assert seen.found[390]["outside"] == ["P: too wide"]
    assert seen.found[820]["outside"] == []
