"""The notebook runs, cell by cell, and is kept without outputs."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import desk
import pytest
from doc_pages import ROOT

import netadapt

NOTEBOOK = ROOT / "examples" / "fastdepth.ipynb"


def cells() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in found if cell["cell_type"] == "code"]


def test_it_is_kept_without_outputs() -> None:
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells())
    for cell in cells():
        ast.parse("".join(cell["source"]))


@pytest.mark.slow
def test_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a few frames in place of the rooms, which take minutes to render."""
    monkeypatch.setenv("MPLBACKEND", "agg")
    monkeypatch.chdir(tmp_path)
    desk.lay_frames(tmp_path / "rooms")
    names: dict[str, Any] = {"__name__": "__main__"}
    for cell in cells():
        exec(compile("".join(cell["source"]), cell["id"], "exec"), names)
    assert names["result"].trajectory.latency_ms.iloc[-1] <= 7.5
    assert isinstance(names["step"], netadapt.Step)
    assert len(names["plt"].get_fignums()) == 2
    names["plt"].close("all")
