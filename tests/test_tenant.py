"""Pruning a classifier brings in nothing of depth: neither its modules nor its packages."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PRUNING = Path(__file__).parent / "pruning"

SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
import netadapt, tiny
from pathlib import Path
table = str(tiny.write_table(Path(sys.argv[2]) / "tiny.csv"))
graph = netadapt.trace(tiny.network(), tiny.EXAMPLE)
ms = netadapt.LatencyEstimator(netadapt.LookupTable.read(table)).network(graph).ms
result = netadapt.prune(
    tiny.network(), tiny.EXAMPLE, task=tiny.task(), budget={table: 0.9 * ms},
    out=Path(sys.argv[2]) / "run", factory="tiny:network",
    short_term=netadapt.FineTuning(steps=1, batch_size=16), first_reduction=0.1,
)
assert len(result.records) > 1
netadapt.load_model(result.out)
OF_OTHERS = ("h5py", "PIL", "numba", "matplotlib", "jinja2", "onnx", "onnxruntime", "tvm", "ray")
print(sorted(m for m in sys.modules if m.startswith("netadapt.depth") or m in OF_OTHERS))
"""


def test_a_classification_run_imports_nothing_of_depth(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SCRIPT, str(PRUNING), str(tmp_path)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
