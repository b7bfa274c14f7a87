"""How well a board is known from a few of its rows, alone and with what other boards teach.

    python -m experiments.boards.run --out experiments/boards/results.csv

Every board is left out in turn: so many of its rows, drawn at random, are its table, and the others
are predicted, once from these rows alone and once with the shipped boards beside them, but never
its own. The tables of this machine (experiments/lut-check) are left out in the same way; they
confirmed the choice. A row of the CSV is a board, a number of known rows, a draw and a way; rows
that stand in it already aren't computed again.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from netadapt.files import write_text
from netadapt.latency.model.estimator import LatencyEstimator
from netadapt.latency.model.family_model import NINETY_PERCENT
from netadapt.latency.model.features import family
from netadapt.latency.model.fit import Fit
from netadapt.latency.model.other_boards import OtherBoards
from netadapt.latency.table.table import LookupTable
from netadapt.latency.table.table_row import TableRow, fastest_rows

FOLDER = Path(__file__).parent
MEASURED_HERE = FOLDER.parent / "lut-check"
TABLES = {
    **{name: name for name in ("rasp3b", "rk3399", "tx2", "tx2-cpu")},
    **{name: str(MEASURED_HERE / f"{name}.csv") for name in ("host", "host-ort")},
}
TAUGHT = frozenset({"convolution", "depthwise"})
COUNTS = (10, 20, 40, 80, "half")
COLUMNS = ("board", "known", "rows", "draw", "way", "mean_error", "inside_90")


def own_rows(board: str) -> list[TableRow]:
    """The board's own rows of the families that others know, the fastest of each kernel."""
    rows = LookupTable.read(TABLES[board]).entries
    return list(fastest_rows(row for row in rows if family(row.shape) in TAUGHT).values())


def draws(
    board: str, count: int | str, most: int
) -> Iterator[tuple[int, LookupTable, LookupTable]]:
    """The number of the draw, the rows that are known, and the others."""
    rows = own_rows(board)
    known = len(rows) // 2 if count == "half" else int(count)
    if known >= len(rows):
        return
    for draw in range(most):
        order = np.random.default_rng([draw, known]).permutation(len(rows))
        yield (
            draw,
            LookupTable(board, [rows[i] for i in order[:known]]),
            LookupTable(board, [rows[i] for i in order[known:]]),
        )


def judged(estimator: LatencyEstimator, rest: LookupTable) -> dict[str, float]:
    """Mean absolute relative error of a layer, and the share inside their 90 % intervals."""
    layers = estimator.layers(row.shape for row in rest.entries)
    measured = np.array([row.latency_ms for row in rest.entries])
    off = np.log([layer.kernel_ms for layer in layers]) - np.log(measured)
    reach = NINETY_PERCENT * np.array([layer.log_sd for layer in layers])
    return {
        "mean_error": round(float(np.abs(np.expm1(off)).mean()), 5),
        "inside_90": round(float((np.abs(off) <= reach).mean()), 5),
    }


def compute(out: Path, most: int) -> None:
    """Add the rows that `out` lacks, a draw at a time."""
    rows = pd.read_csv(out).to_dict("records") if out.is_file() else []
    done = {(row["board"], str(row["known"]), row["draw"]) for row in rows}
    for count in COUNTS:
        for board in TABLES:
            for draw, known, rest in draws(board, count, most):
                if (board, str(count), draw) in done:
                    continue
                alone = LatencyEstimator(known, strict=False, boards=OtherBoards(()))
                taught = LatencyEstimator(known, strict=False, fit=Fit(alone.fit.hyperparameters))
                rows += [
                    {
                        "board": board,
                        "known": count,
                        "rows": len(known),
                        "draw": draw,
                        "way": way,
                        **judged(estimator, rest),
                    }
                    for way, estimator in (("alone", alone), ("taught", taught))
                ]
                write_text(out, pd.DataFrame(rows, columns=list(COLUMNS)).to_csv(index=False))
            print(f"{board}, {count} known rows", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=FOLDER / "results.csv")
    parser.add_argument("--draws", type=int, default=10)
    given = parser.parse_args()
    compute(given.out, given.draws)
