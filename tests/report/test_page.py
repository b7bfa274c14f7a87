"""The HTML page of runs: what it says, that it is one file, and that nothing in it is code."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from netadapt.errors import RunError
from netadapt.pruning.records import candidate_columns, trajectory_columns
from netadapt.report.page import write_page

METRICS = ("delta1", "rmse_m")


def row(iteration: int, **others: object) -> dict[str, object]:
    latency = 8.0 - iteration
    return {
        "iteration": iteration,
        "group": "conv1" if iteration else "",
        "width_before": 64 if iteration else "",
        "width_after": 56 if iteration else "",
        "latency_ms": latency,
        "latency_low_ms": latency - 0.5,
        "latency_high_ms": latency + 0.25,
        "target_ms": latency + 0.1 if iteration else "",
        "delta1": 0.8 - 0.01 * iteration,
        "rmse_m": 0.5,
        "macs": 7.4e8,
        "params": 3.9e6,
        "score": 0.01 if iteration else "",
        "seconds": 12.0 if iteration else "",
        **others,
    }


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run of one iteration with two proposals, as the search writes it."""
    folder = tmp_path / "run"
    folder.mkdir()
    rows = [row(0, widths="conv0=32 conv1=64"), row(1, widths="conv0=32 conv1=56")]
    columns = trajectory_columns(METRICS)
    pd.DataFrame(rows, columns=columns).to_csv(folder / "trajectory.csv", index=False)
    proposals = [
        row(1, group="conv0", score=0.2, chosen=0),
        row(1, group="conv1", score=0.01, chosen=1),
    ]
    columns = candidate_columns(METRICS)
    pd.DataFrame(proposals, columns=columns).to_csv(folder / "candidates.csv", index=False)
    content = {
        "configuration": {"budget_ms": 7.2, "device": "tx2", "short_term": {"steps": 3}},
        "arguments": {"data": "<script>alert(1)</script>"},
        "table": "tx2: 299 published layer latencies from tx2.published.csv",
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
    assert ["configuration.short_term.steps", "3"] in page.rows
    assert ["arguments.data", "<script>alert(1)</script>"] in page.rows
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
    content["configuration"]["budget_ms"] = 6.0
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
