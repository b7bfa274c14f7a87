"""What a table of many rows costs, and what its estimates are worth.

    python -m experiments.load.tables

Every table is read and fitted in a process of its own, so that its memory can be told; times are
processor seconds of one thread. Exact: the fit holds all rows, as no table's does beyond
`MOST_ROWS` of a family. Error: of 300 layers that no table has, by the rule of the made device.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch

from experiments.load.made_table import made_table, shapes, true_ms
from netadapt.graph import trace
from netadapt.latency.model import estimator as estimator_module
from netadapt.latency.model.estimator import LatencyEstimator
from netadapt.latency.model.telling_rows import telling_rows
from netadapt.latency.table.table import LookupTable
from netadapt.networks.open_network import open_network

OUT = Path(__file__).parent / "tables.csv"
COLUMNS = (
    *("rows", "fit", "fitted_rows", "read_s", "fit_s", "kept_fit_s"),
    *("peak_gb", "fastdepth_ms", "mean_error"),
)
COUNTS = (250, 500, 1_000, 2_000, 10_000, 100_000)
MOST_EXACT = 1_000
"""Larger tables are not fitted exactly: the time grows as the cube of the rows."""

UNSEEN = 300


def measured(rows: int, fit: str, file: Path) -> dict[str, Any]:
    """A row of the CSV, measured in this process."""
    with mock.patch.object(estimator_module, "telling_rows", FITS[fit]):
        read_s, table = _timed(lambda: LookupTable.read(file))
        fit_s, estimator = _timed(lambda: LatencyEstimator(table, strict=False))
        kept_s, again = _timed(lambda: LatencyEstimator(table, strict=False, fit=estimator.fit))
        model, _ = open_network("fastdepth")
        graph = trace(model, torch.zeros(1, 3, 224, 224))
        fastdepth_s, _ = _timed(lambda: again.network_ms(layer.shape for layer in graph.layers))
    wanted = list(islice(shapes(random.Random(999)), UNSEEN))
    found = np.array([layer.ms for layer in estimator.layers(wanted)])
    truth = np.array([true_ms(shape) for shape in wanted])
    return {
        "rows": rows,
        "fit": fit,
        "fitted_rows": len(estimator.fitted_rows),
        "read_s": round(read_s, 2),
        "fit_s": round(fit_s, 2),
        "kept_fit_s": round(kept_s, 2),
        "peak_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2),
        "fastdepth_ms": round(1e3 * fastdepth_s, 1),
        "mean_error": round(float(np.abs(found / truth - 1).mean()), 4),
    }


FITS: dict[str, Callable[..., Any]] = {
    "telling": telling_rows,
    "exact": lambda rows, _workers: list(rows),
}


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    started = time.process_time()
    result = work()
    return time.process_time() - started, result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        rows, fit, file = given.one
        print(json.dumps(measured(int(rows), fit, Path(file))))
        return
    with tempfile.TemporaryDirectory() as folder, given.out.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for rows in COUNTS:
            file = Path(folder) / f"{rows}.csv"
            made_table(rows, 0, file)
            for fit in FITS if rows <= MOST_EXACT else ("telling",):
                arguments = ["--one", str(rows), fit, str(file)]
                found = subprocess.run(
                    [sys.executable, "-m", "experiments.load.tables", *arguments],
                    check=True,
                    capture_output=True,
                    text=True,
                    env={**os.environ, "OMP_NUM_THREADS": "1"},
                )
                row = json.loads(found.stdout.splitlines()[-1])
                writer.writerow(row)
                stream.flush()
                print(row, flush=True)


if __name__ == "__main__":
    main()
