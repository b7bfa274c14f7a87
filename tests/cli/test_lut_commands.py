"""`netadapt lut`, as a person types it."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest
from command import Command, one_line

from netadapt.latency.table.table import LookupTable

TABLES = Path(__file__).parents[2] / "lookup_tables"


def test_check_prints_fit_and_test_and_writes_only_when_asked(
    netadapt: Command, tmp_path: Path
) -> None:
    folder = tmp_path / "lookup_tables"
    shutil.copytree(TABLES, folder)
    path = folder / "tx2-cpu.published.csv"
    toml = path.with_suffix(".toml")
    before = toml.read_text()
    code, out, _ = netadapt("lut", "check", "--device", path)
    assert code == 0
    assert "calibration" in out
    assert "test" in out
    assert "fitted" in out
    assert toml.read_text() == before
    code, out, _ = netadapt("lut", "check", "--device", path, "--write", "--json")
    assert code == 0
    summary = json.loads(out)
    assert summary["device"] == "tx2-cpu"
    pruned = LookupTable.read(path).meta["check"]["networks"][1]
    assert pruned["predicted_ms"] == pytest.approx(summary["networks"][1]["predicted_ms"], abs=1e-3)
    assert LookupTable.read(path).hash == summary["hash"]


def test_show_says_which_table_it_is(netadapt: Command) -> None:
    code, out, err = netadapt("lut", "show", "--device", "tx2")
    assert code == 0
    assert "tx2.published.csv (225 rows, published figures)" in err
    assert "depthwise" in out
    code, out, _ = netadapt("lut", "show", "--device", "tx2", "--rows", "--json")
    assert len(json.loads(out)["table"]) == 225


def test_estimate_of_the_published_network(netadapt: Command, tmp_path: Path) -> None:
    layers = tmp_path / "layers.csv"
    code, out, _ = netadapt(
        *("lut", "estimate", "--device", "tx2", "--model", "fastdepth-pruned", "--json"),
        *("--save-layers", layers),
    )
    assert code == 0
    found = json.loads(out)
    assert found["ms"] == pytest.approx(5.6, rel=0.03)
    assert {layer["source"] for layer in found["layers"]} == {"published", "modelled"}
    assert layers.read_text() == (TABLES / "networks" / "fastdepth-pruned.csv").read_text()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("lut", "show", "--device", "tx9"), "there is no table for the device 'tx9'"),
        (("lut", "check", "--device", "none/here.csv"), "there is no table none/here.csv"),
        (("lut", "import", "absent.log", "--device", "x"), "cannot read absent.log"),
        (("lut", "import", "absent.log", "--board", "x"), "cannot read absent.log"),
        (("lut", "import", "absent.log"), "the table has no name; give one with --device NAME"),
        (("lut", "build", "--device", "host", "--until", "5"), "expected a share below 1"),
        (("lut", "build", "--device", "host", "--time-limit", "soon"), "expected a time, as in"),
    ],
)
def test_mistakes_exit_with_2_and_one_line(
    netadapt: Command, arguments: tuple[str, ...], complaint: str
) -> None:
    code, out, err = netadapt(*arguments)
    assert (code, out) == (2, "")
    assert complaint in one_line(err)


def test_a_board_of_tophub_gives_its_table_its_name(netadapt: Command, tmp_path: Path) -> None:
    arguments = [["TENSOR", [1, 8, 8, 8], "float32"], ["TENSOR", [8, 8, 1, 1], "float32"]]
    arguments += [[1, 1], [0, 0], [1, 1], "NCHW", "float32"]
    lines = [
        {"i": [f"llvm -device=arm_cpu -model={board}", "topi_nn_conv2d", arguments, {}, [],
               {"i": 1, "t": "direct", "c": None, "e": []}],
         "v": 0.1, "r": [[seconds], 0, 1.5, 1.5e9]}
        for board, seconds in (("pixel9", 0.001), ("p99", 0.002))
    ]  # fmt: skip
    log = tmp_path / "tophub.log"
    log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    out = tmp_path / "pixel9.published.csv"
    code, _, err = netadapt("lut", "import", log, "--board", "Pixel9", "--out", out)
    assert code == 0
    assert "skipped 1 of tophub.log: of the board p99" in err
    table = LookupTable.read(out)
    assert table.meta["device"] == "pixel9"
    assert [row.latency_ms for row in table.entries] == [1.0]


@pytest.mark.slow
def test_a_quick_table_says_what_more_would_buy(
    netadapt: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "paper.toml").write_text('runtime = "fake"\n')
    monkeypatch.setenv("NETADAPT_DEVICES", str(tmp_path))
    table = tmp_path / "tables" / "paper.csv"
    model = ("--model", "examples.digits:network", "--input-shape", "1x1x8x8")
    code, out, err = netadapt(
        "lut", "build", "--device", "paper", *model, "--quick", "--out", table
    )
    assert code == 0
    assert "20 rows (20 new)" in out
    assert "should bring that to" in err or "tolerance" not in err
    code, out, _ = netadapt(
        *("lut", "build", "--device", "paper", *model, "--until", "2%", "--time-limit", "1m"),
        *("--out", table, "--json"),
    )
    assert code == 0
    built = json.loads(out)
    assert built["rows"] >= 20
    assert built["predicted_error"] <= 0.02 or built["out_of_time"]


def test_a_missing_plot_library_is_told_before_networks_are_timed(netadapt, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    code, _, err = netadapt("lut", "check", "--device", "tx2", "--networks", "30")
    assert code == 2
    assert "needs the 'report' extra" in err
