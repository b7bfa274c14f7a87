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
from netadapt.report.run_on_disk import RunOnDisk
from netadapt.report.run_page import write_page
from netadapt.report.trajectory_text import trajectory_text


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
    assert all(address.startswith("data:") for address in page.loads)
    summary = page.rows[1]
    assert summary[:3] == ["run", "tx2", "7.2 ms, met"]
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
    assert rows[1][:3] == ["run", "tx2", "7.2 ms, met"]
    assert rows[2][:3] == ["bare", "–", "–"]
    page = (tmp_path / "both.html").read_text()
    assert page.count("Width left of each channel group: ") == 2 * 2  # a caption, and for readers
    legend = page[page.index('<ul class="legend">') : page.index("</ul>")]
    assert "run</li>" in legend
    assert "bare</li>" in legend
    assert "This folder has no run.json" in page
    assert ">final</text>" not in page  # two of them would lie one on the other
    assert page.count('class="dot final"') == 2


def test_the_budget_s_line_the_last_network_and_hover_values(run: Path) -> None:
    write_page([run], run / "report.html")
    page = (run / "report.html").read_text()
    assert ">budget 7.2 ms</text>" in page
    assert ">final</text>" in page
    assert "<title>run: iteration 1\nconv1: 64 → 56\n7.000 ms (6.500 to 7.250)" in page
    assert "<title>conv1: 56 of 64 (88%), iteration 1</title>" in page
    assert "-12.5 %" in page  # of the latency
    assert "with a probability of 91 % by the predicted interval" in page


def page_of(folder: Path, budget: dict[str, float], *iterations: dict[str, Any]) -> str:
    """The page of a run that only its rows and its budget are known of; gives its HTML."""
    steps = [
        StepRecord(**fields, checkpoint=f"iter_{i:03d}", widths={"conv1": 64 - 8 * i})
        for i, fields in enumerate(iterations)
    ]
    frame_of(steps).to_csv(folder / "trajectory.csv", index=False)
    (folder / "run.json").write_text(json.dumps({"budget": budget}))
    write_page([folder], folder / "report.html")
    return (folder / "report.html").read_text()


def test_a_run_by_counts_alone(tmp_path: Path) -> None:
    page = page_of(
        tmp_path,
        {"macs": 3e8},
        cut(0, latency=None, target_ms=None, macs=400_000_000),
        cut(1, latency=None, target_ms=3e8, macs=300_000_000),
    )
    assert "Budget met: 0.300 GMACs of 0.300 GMACs, counted and so certain." in page
    assert ">multiply-accumulates, G</text>" in page
    assert ">budget 0.300 GMACs</text>" in page
    assert "<td>300.0 M</td>" in page  # the target
    assert "-25.0 %" in page
    text = trajectory_text(RunOnDisk.read(tmp_path))
    assert " 0.300 G " in text


def test_several_devices_at_once(tmp_path: Path) -> None:
    quick = Interval(5.0, 4.5, 5.5)
    page = page_of(
        tmp_path,
        {"quick": 6, "slow": 38.5},
        *(
            cut(
                i,
                binding="slow" if i else "",
                latencies={"quick": quick, "slow": Interval(50.0 - 10 * i, 35, 60)},
                latency=quick,
            )
            for i in range(2)
        ),
    )
    assert "Budget met: 5.00 of 6 ms on quick" in page
    assert "Budget not met yet: 40.00 of 38.5 ms on slow" in page
    assert ">budget 6 ms</text>" in page  # of the device that the axis is of
    assert ">budget 38.5 ms</text>" not in page
    assert "quick 5.00; slow 40.00" in page
    assert "<b>-20.0 %</b><small>50.00 ms → 40.00 ms</small>" in page


def test_a_fine_tuned_network_is_the_final_one(run: Path) -> None:
    header = "epoch,learning_rate,loss,delta1,rmse_m,images_per_second,seconds\n"
    rows = "1,0.1,0.5,0.70,0.6,9,9\n2,0.1,0.4,0.81,0.4,9,9\n3,0.1,0.3,0.805,0.4,9,9\n"
    (run / "final").mkdir()
    (run / "final" / "history.csv").write_text(header + rows)
    write_page([run], run / "report.html")
    page = (run / "report.html").read_text()
    assert ">final, fine-tuned</text>" in page
    assert "epoch 2 of 3 was the best" in page
    assert "fine-tuned 0.810" in page
    assert "netadapt finetune" not in page  # it is done


def test_columns_are_explained(run: Path) -> None:
    words = {"delta1": "Share of pixels near the truth."}
    write_page([run], run / "report.html", words)
    page = (run / "report.html").read_text()
    assert "<dt>delta1</dt><dd>Share of pixels near the truth. Mean over the holdout." in page
    assert "<dt>rmse_m</dt><dd>A metric of the task." in page
    assert "<dt>score</dt>" not in page.split("What each iteration chose from")[0]
    assert 'title="Accuracy lost for each unit saved' in page


def test_what_can_t_be_had_is_left_out_with_its_reason(run: Path) -> None:
    write_page([run], run / "report.html")  # its run.json names no network
    page = (run / "report.html").read_text()
    assert "Groups that keep their width can&#39;t be shown here:" in page
    assert "Sample images can&#39;t be shown here:" in page


def test_a_budget_that_isn_t_met_is_told(run: Path) -> None:
    content = json.loads((run / "run.json").read_text())
    content["budget"]["tx2"] = 6.0
    (run / "run.json").write_text(json.dumps(content))
    write_page([run], run / "report.html")
    assert Reader(run / "report.html").rows[1][2] == "6 ms, not met yet"


def test_no_page_of_what_is_no_run(run: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"no trajectory\.csv"):
        write_page([tmp_path], tmp_path / "out.html")
    (run / "run.json").write_text("{")
    with pytest.raises(RunError, match=r"run\.json is damaged"):
        write_page([run], tmp_path / "out.html")
    assert not (tmp_path / "out.html").exists()


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"budget": [6]}, "budget is [6], expected an object"),
        ({"budget": {"tx2": "six"}}, "budget.tx2 is 'six', expected a number above 0"),
        ({"settings": 3}, "settings is 3, expected an object"),
        ({"settings": {"confidence": 1.5}}, "settings.confidence is 1.5, expected less than 1"),
        ({"constraint": {"table_rows": "many"}}, "constraint.table_rows is 'many'"),
    ],
)
def test_a_damaged_run_json_takes_one_line(run: Path, change: dict[str, Any], fault: str) -> None:
    content = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**content, **change}))
    with pytest.raises(RunError) as raised:
        write_page([run], run / "report.html")
    assert fault in str(raised.value)
    assert not (run / "report.html").exists()


def test_widths_of_other_groups_are_damage(run: Path) -> None:
    rows = (run / "trajectory.csv").read_text()
    (run / "trajectory.csv").write_text(rows.replace("conv1=56", "conv7=56"))
    with pytest.raises(RunError, match="iteration 1 has widths of other channel groups"):
        write_page([run], run / "report.html")


def test_of_very_many_proposals_the_best_and_the_chosen_one_are_shown(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("netadapt.report.run_page.MOST_PROPOSALS", 1)
    proposals = pd.read_csv(run / "candidates.csv")
    worst = proposals.assign(group="conv9", score=9.0, chosen=False)
    pd.concat([proposals, worst]).to_csv(run / "candidates.csv", index=False)
    write_page([run], run / "report.html")
    text = (run / "report.html").read_text()
    assert "candidates.csv has all 4." in text
    assert "conv9" not in text
