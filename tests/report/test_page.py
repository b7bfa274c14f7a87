"""The HTML page of runs: what it says, that it is one file, and that nothing in it is code."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from netadapt.errors import RunError
from netadapt.pruning.records import CandidateRecord, Interval, StepRecord, frame_of
from netadapt.report.page import write_page


def cut(iteration: int, **others: Any) -> dict[str, Any]:
    """What a record says of an iteration; 0 is the network given."""
    latency = 8.0 - iteration
    fields = {
        "iteration": iteration,
        "group": "conv1" if iteration else "",
        "width_before": 64 if iteration else None,
        "width_after": 56 if iteration else None,
        "latency": Interval(latency, latency - 0.5, latency + 0.25),
        "target_ms": latency + 0.1 if iteration else None,
        "metrics": {"delta1": 0.8 - 0.01 * iteration, "rmse_m": 0.5},
        "macs": 740_000_000,
        "params": 3_900_000,
        "score": 0.01 if iteration else None,
        "seconds": 12.0,
    }
    return {**fields, **others}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run of one iteration with two proposals, as the search writes it."""
    folder = tmp_path / "run"
    folder.mkdir()
    steps = [
        StepRecord(**cut(i), checkpoint=f"iter_{i:03d}", widths={"conv0": 32, "conv1": width})
        for i, width in enumerate((64, 56))
    ]
    proposals = [
        CandidateRecord(**cut(1, group="conv0", score=0.2), stage="short-term", chosen=False),
        CandidateRecord(**cut(1, group="conv1", score=0.01), stage="short-term", chosen=True),
    ]
    frame_of(steps).to_csv(folder / "trajectory.csv", index=False)
    rows = [record.to_row() for record in proposals]
    pd.DataFrame(rows).to_csv(folder / "candidates.csv", index=False)
    content = {
        "budget": {"tx2": 7.2},
        "settings": {"short_term": {"steps": 3}},
        "opened": {"data": "<script>alert(1)</script>"},
        "source": "tx2: 299 published layer latencies from tx2.published.csv",
    }
    (folder / "run.json").write_text(json.dumps(content))
    return folder


class Reader(HTMLParser):
    """The cells of a page's tables, and the addresses it would load."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.loads: list[str] = []
        self.tags: set[str] = set()
        self.in_cell = False
        self.feed(page.read_text(encoding="utf-8"))
        self.rows = [[" ".join(cell.split()) for cell in cells] for cells in self.rows]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.loads += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self.in_cell = True

    def handle_endtag(self, tag: str) -> None:
        self.in_cell = self.in_cell and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self.in_cell:
            self.rows[-1][-1] += data


def test_a_run_s_page(run: Path) -> None:
    write_page([run], run / "report.html")
    page = Reader(run / "report.html")
    assert "script" not in page.tags
    assert [address[:22] for address in page.loads] == ["data:image/png;base64,"]
    summary = page.rows[1]
    assert summary[:3] == ["run", "tx2", "7.2"]
    assert summary[3] == "8.00 (7.50 to 8.25) → 7.00 (6.50 to 7.25)"
    assert summary[4:6] == ["740.0 → 740.0", "0.800 → 0.790"]
    iteration = next(cells for cells in page.rows if cells[0] == "1")
    assert iteration[1:5] == ["conv1", "64 → 56", "7.00 (6.50 to 7.25)", "7.10"]
    scores = [cells[-1] for cells in page.rows if cells[0] in ("conv0", "conv1")]
    assert scores[:2] == ["0.0100", "0.2000"]  # the best proposal first
    assert ["conv1", "64", "56", "88 %"] in page.rows
    assert ["settings.short_term.steps", "3"] in page.rows
    assert ["opened.data", "<script>alert(1)</script>"] in page.rows
    assert "Table of tx2: 299 published layer latencies" in (run / "report.html").read_text()


def test_runs_side_by_side_and_a_folder_of_csvs_alone(run: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    (bare / "trajectory.csv").write_bytes((run / "trajectory.csv").read_bytes())
    write_page([run, bare], tmp_path / "both.html")
    rows = Reader(tmp_path / "both.html").rows
    assert rows[1][:3] == ["run", "tx2", "7.2"]
    assert rows[2][:3] == ["bare", "–", "–"]


def test_a_budget_that_isn_t_met_is_told(run: Path) -> None:
    content = json.loads((run / "run.json").read_text())
    content["budget"]["tx2"] = 6.0
    (run / "run.json").write_text(json.dumps(content))
    write_page([run], run / "report.html")
    assert Reader(run / "report.html").rows[1][2] == "6, not met yet"


def test_no_page_of_what_is_no_run(run: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"no trajectory\.csv"):
        write_page([tmp_path], tmp_path / "out.html")
    (run / "run.json").write_text("{")
    with pytest.raises(RunError, match=r"run\.json is damaged"):
        write_page([run], tmp_path / "out.html")
    assert not (tmp_path / "out.html").exists()
