"""The page of a lookup table."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from netadapt.errors import TableError
from netadapt.latency.table.table import find_table
from netadapt.report.table_page import is_table, write_table_page

CHECK = """
[network_check]
networks = 2
date = "2026-11-24"
mean_error = 0.03
worst_error = 0.05
bias = 0.01
rank_correlation = 1.0
measured_ms = [5.0, 8.0]
predicted_ms = [5.25, 7.92]
"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    shutil.copy(find_table("tx2-cpu"), tmp_path / "mine.csv")
    (tmp_path / "mine.toml").write_text(
        'device = "mine"\nruntime = "tvm"\npredicted_error = 0.02\n'
    )
    return tmp_path / "mine.csv"


def test_a_table_without_a_check(table: Path, tmp_path: Path) -> None:
    write_table_page([table], tmp_path / "out.html")
    page = (tmp_path / "out.html").read_text()
    assert "Lookup table of mine" in page
    assert "No whole network was timed against this table yet" in page
    assert "networks predicted within<b>2.0 %</b>" in page
    assert "<td>depthwise</td>" in page
    assert "Each layer predicted without its own row" in page
    assert "<td>all rows</td><td>all</td>" in page


def test_a_check_is_drawn(table: Path, tmp_path: Path) -> None:
    with (tmp_path / "mine.toml").open("a") as stream:
        stream.write(CHECK)
    write_table_page([table], tmp_path / "out.html")
    page = (tmp_path / "out.html").read_text()
    assert "2 networks timed whole, 2026-11-24" in page
    assert "network 0: measured 5.000 ms, predicted 5.250 ms, +5.0%" in page


def test_a_damaged_check_is_told(table: Path, tmp_path: Path) -> None:
    with (tmp_path / "mine.toml").open("a") as stream:
        stream.write(CHECK.replace("measured_ms = [5.0, 8.0]", "measured_ms = [0.0, 8.0]"))
    with pytest.raises(TableError, match=r"\[network_check\] is damaged"):
        write_table_page([table], tmp_path / "out.html")


def test_what_is_a_table(table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tx2").mkdir()
    assert is_table(table)
    assert is_table(Path("rk3399"))
    assert not is_table(Path("tx2"))  # a folder of that name goes before the device
    assert not is_table(Path("runs/tx2"))
    assert not is_table(Path("atlantis"))
