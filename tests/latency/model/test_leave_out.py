"""What the shipped tables' estimates are worth, and the commands that show it."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from netadapt.cli.app import app
from netadapt.cli.console import run_app
from netadapt.errors import TableError
from netadapt.latency.model.leave_out import check_table
from netadapt.latency.table.table import LookupTable
from netadapt.latency.table.table_row import TableRow
from tests.latency.layer_shapes import conv, made_up_table

TABLES = Path(__file__).parents[3] / "lookup_tables"


@pytest.mark.parametrize(("device", "worst"), [("tx2", 0.08), ("tx2-cpu", 0.06)])
def test_left_out_layers_of_fastdepth(device: str, worst: float) -> None:
    checked = check_table(LookupTable.read(device))
    layers = checked.layers[checked.layers.in_network]
    assert len(layers) == 66
    assert layers.error.abs().mean() <= worst
    assert 0.85 <= layers.inside.mean() <= 0.95
    _, pruned = checked.networks
    assert pruned.low_ms <= pruned.measured_ms <= pruned.high_ms


def test_a_left_out_shape_is_really_left_out() -> None:
    """A row that is absurd must be predicted badly: nothing of it may reach its prediction."""
    table = made_up_table(networks=4)
    row = table.entries[4]
    wrong = TableRow(row.shape, row.latency_ms * 100, source="measured")
    entries = [wrong if entry is row else entry for entry in table.entries]
    checked = check_table(LookupTable("odd", entries), refit=True)
    found = checked.layers[checked.layers.layer == str(row.shape)].iloc[0]
    assert found.predicted_ms < 2 * row.latency_ms
    assert not found.inside


def test_a_table_too_small_to_check() -> None:
    table = LookupTable("small", [TableRow(conv(8, 8, 8), 1.0), TableRow(conv(8, 16, 8), 1.0)])
    with pytest.raises(TableError, match="too small to check"):
        check_table(table)


def netadapt(
    *arguments: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of one command."""
    monkeypatch.setattr(sys, "argv", ["netadapt", *arguments])
    code = run_app(app)
    out, err = capsys.readouterr()
    return code, out, err


def test_check_prints_fit_and_test_and_writes_only_when_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "lookup_tables"
    shutil.copytree(TABLES, folder)
    path = folder / "tx2-cpu.published.csv"
    toml = path.with_suffix(".toml")
    before = toml.read_text()
    arguments = ("lut", "check", "--device", str(path))
    code, out, _ = netadapt(*arguments, monkeypatch=monkeypatch, capsys=capsys)
    assert code == 0
    assert "calibration" in out
    assert "test" in out
    assert "fitted" in out
    assert toml.read_text() == before
    code, out, _ = netadapt(*arguments, "--write", "--json", monkeypatch=monkeypatch, capsys=capsys)
    assert code == 0
    summary = json.loads(out)
    assert summary["device"] == "tx2-cpu"
    pruned = LookupTable.read(path).meta["check"]["networks"][1]
    assert pruned["predicted_ms"] == pytest.approx(summary["networks"][1]["predicted_ms"], abs=1e-3)
    assert LookupTable.read(path).hash == summary["hash"]


def test_show_says_which_table_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("lut", "show", "--device", "tx2")
    code, out, err = netadapt(*arguments, monkeypatch=monkeypatch, capsys=capsys)
    assert code == 0
    assert "tx2.published.csv (225 rows, published figures)" in err
    assert "depthwise" in out
    code, out, _ = netadapt(*arguments, "--rows", "--json", monkeypatch=monkeypatch, capsys=capsys)
    assert len(json.loads(out)["table"]) == 225


def test_estimate_of_the_published_network(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    layers = tmp_path / "layers.csv"
    code, out, _ = netadapt(
        *("lut", "estimate", "--device", "tx2", "--model", "fastdepth-pruned", "--json"),
        *("--save-layers", str(layers)),
        monkeypatch=monkeypatch,
        capsys=capsys,
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
        (("lut", "import", "absent.log", "--device", "x"), "cannot read the tuning records"),
    ],
)
def test_mistakes_exit_with_2_and_one_line(
    arguments: tuple[str, ...],
    complaint: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, out, err = netadapt(*arguments, monkeypatch=monkeypatch, capsys=capsys)
    assert (code, out) == (2, "")
    assert complaint in err
    assert err.count("\n") == 1
