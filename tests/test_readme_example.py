"""The example for a network of one's own, as it stands in the documentation, is run."""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path

import pytest
import torch

import netadapt
from netadapt.latency.table.table import LookupTable
from netadapt.latency.table.table_row import TableRow

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
    functions = runpy.run_path("my_nets.py")
    budget_ms = float(re.search(r'"host-ort": ([\d.]+)', found[1])[1])
    _write_table(functions["network"](), full_ms=1.2 * budget_ms)

    torch.manual_seed(0)
    result = runpy.run_path("my_nets.py", run_name="__main__")["result"]

    assert result.trajectory["latency_ms"].iloc[0] == pytest.approx(1.2 * budget_ms, rel=0.01)
    assert result.trajectory["latency_ms"].iloc[-1] <= budget_ms
    again = netadapt.load_model("runs/mine")
    with torch.no_grad():
        assert torch.equal(again(INPUT), result.model.eval()(INPUT))


def _write_table(network: torch.nn.Module, full_ms: float) -> None:
    """A table of the device in ./lookup_tables: latencies in proportion to MACs and elements."""
    graph = netadapt.trace(network, INPUT)
    shapes = {
        layer.shape: None
        for first in range(8, 33, 8)
        for second in range(8, 65, 8)
        for layer in graph.with_widths(dict(zip(graph.widths, (first, second), strict=True))).layers
    }
    work = {shape: shape.macs + 1000.0 for shape in shapes}
    unit_ms = full_ms / sum(work[layer.shape] for layer in graph.layers)
    rows = [TableRow(shape, work[shape] * unit_ms, None, 1, "modelled") for shape in shapes]
    LookupTable("host-ort", rows).write(Path("lookup_tables/host-ort.csv"))
