"""The example for a network of one's own, as it stands in the documentation, is run."""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path

import pytest
import torch

import netadapt

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "docs" / "your-own-network.md", ROOT / "README.md"]
EXAMPLE = re.compile(
    r"<!-- example: your own network -->\n```python\n(.*?)```\n<!-- end of example -->", re.DOTALL
)
INPUT = torch.zeros(1, 1, 28, 28)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_example_runs_as_written(page: Path, tmp_path: Path, monkeypatch) -> None:
    found = EXAMPLE.search(page.read_text(encoding="utf-8"))
    if found is None and page.name == "README.md":
        pytest.skip("README.md has no example between the markers")
    assert found is not None
    assert found[1].count("\n") <= 15
    (tmp_path / "my_nets.py").write_text(found[1], encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "my_nets", raising=False)
    torch.manual_seed(0)
    result = runpy.run_path("my_nets.py", run_name="__main__")["result"]

    macs = result.trajectory["macs"]
    budget = float(re.search(r'"macs": ([\d.e]+)', found[1])[1])
    assert macs.iloc[-1] <= budget < macs.iloc[0] / 1.5
    again = netadapt.load_model("runs/mine")
    with torch.no_grad():
        assert torch.equal(again(INPUT), result.model.eval()(INPUT))
