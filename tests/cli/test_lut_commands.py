"""`netadapt lut`, as a person types it."""

from __future__ import annotations

import json
import shutil
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
    ],
)
def test_mistakes_exit_with_2_and_one_line(
    netadapt: Command, arguments: tuple[str, ...], complaint: str
) -> None:
    code, out, err = netadapt(*arguments)
    assert (code, out) == (2, "")
    assert complaint in one_line(err)
