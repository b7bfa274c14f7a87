"""`netadapt report`: pages, pictures and text of runs as the search wrote them."""

from __future__ import annotations

import json

import pytest
from command import one_line


def test_a_trajectory_in_the_terminal(netadapt, tmp_path):
    from netadapt.shipped import PACKAGE_DIR

    run = PACKAGE_DIR.parent / "experiments" / "fastdepth-tx2-6ms"
    code, out, err = netadapt("report", run, "--text")
    assert code == 0, err
    assert out.splitlines()[0] == "fastdepth-tx2-6ms"
    assert "latency, ms" in out
    assert "▁" in out
    assert not err


def test_a_table_s_page_in_this_folder(netadapt, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = netadapt("report", "tx2", "--json")
    assert code == 0, err
    assert json.loads(out) == {"page": "tx2.report.html"}
    page = (tmp_path / "tx2.report.html").read_text()
    assert "Lookup table of tx2" in page
    assert "netadapt lut check --device tx2 --networks 10" in page


@pytest.mark.slow
def test_the_page_of_a_run_has_layers_samples_and_commands(netadapt, run_folder):
    code, out, err = netadapt("report", run_folder)
    assert code == 0, err
    assert out.splitlines() == [
        str(run_folder / "trajectory.png"),
        str(run_folder / "report.html"),
    ]
    page = (run_folder / "report.html").read_text()
    assert "can&#39;t be shown here" not in page
    assert "Milliseconds of each layer on tx2" in page
    assert "it is the network&#39;s output" in page or "it is the network's output" in page
    assert page.count("data:image/png;base64,") == 2  # of the network given, and of the pruned one
    assert "netadapt prune --device tx2 --budget-ms 0.85" in page


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nowhere",), "nowhere is not a run's folder: it has no trajectory.csv"),
        (("nowhere", "--text", "--json"), "--text prints and writes no file"),
        (("tx2", "--text"), "--text is of pruning runs"),
        (("tx2", "--out", "table.png"), "a report of a lookup table is a .html"),
        (("nowhere", "--out", "run.gif"), "a report of a pruning run is a .html or .png"),
        (("tx2", "nowhere"), "a report is of one kind"),
    ],
)
def test_mistakes_take_one_line(netadapt, arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, err = netadapt("report", *arguments, "--quiet")
    assert code == 2
    assert message in one_line(err)
    assert not list(tmp_path.iterdir())
