"""Compares what a search can do: strategies, importances, their settings.

    python -m experiments.search.run rooms
    python -m experiments.search.run nyu --data data/nyu --weights models/official-pruned

Every method prunes the case's network with each seed to the first budget, and from there on to the
next. A copy of each budget's network gets the same fine-tuning, and is judged on images that no
search has seen. What has its row is left out, and a stopped search goes on where it was.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from experiments.search.cases import Case, nyu, rooms
from experiments.search.methods import METHODS
from experiments.search_method import Method
from netadapt.depth.training.task_data import (
    SHORT_TERM_AUGMENTATION,
    SHORT_TERM_LOSS,
    data_folder,
    open_task,
)
from netadapt.journal import CsvJournal
from netadapt.pruning.job import prepare, start
from netadapt.training.allocator import keep_freed_memory
from netadapt.training.finetune import fine_tune

OUT = Path(__file__).parent / "results.csv"

COLUMNS = (
    *("case", "method", "budget_ms", "seed", "latency_ms", "macs", "iterations", "samples"),
    *("search_cpu_s", "delta1_searched", "rmse_m_searched", "delta1", "rmse_m"),
)
KEY = COLUMNS[:4]


def searched(
    case: Case, method: Method, budget_ms: float, seed: int, out: Path
) -> tuple[nn.Module, dict[str, Any]]:
    """The network that a search ends with, and what its row says of the search.

    A search that is there already goes on from where it ended.
    """
    job = method.job({"tx2": budget_ms}, case.weights, case.data, seed)
    prepared = prepare(job)
    cpu_started = time.process_time()
    with start(job, prepared, out, resume=out.exists()) as search:
        for _ in search:
            pass
        last = search.records[-1]
        row = {
            "latency_ms": f"{last.latency.value:.4f}",
            "macs": last.macs,
            "iterations": last.iteration,
            "samples": last.samples,
            "search_cpu_s": round(time.process_time() - cpu_started),
        }
        return search.step.model, row


def accuracy(found: Mapping[str, float], when: str = "") -> dict[str, str]:
    """What was judged, as columns of a row."""
    return {f"{metric}{when}": f"{found[metric]:.4f}" for metric in ("delta1", "rmse_m")}


def compare(
    name: str, case: Case, methods: Sequence[str], seeds: Sequence[int], out: Path, runs: Path
) -> None:
    """A row in `out` for each method, seed and budget of the case called `name`."""
    judge = case.judge()
    learned_on = open_task(
        data_folder(case.data), loss=SHORT_TERM_LOSS, augmentation=SHORT_TERM_AUGMENTATION
    )
    journal = CsvJournal(out, COLUMNS)
    known = {tuple(row[column] for column in KEY) for row in journal.rows()}
    for seed, method, budget_ms in itertools.product(seeds, methods, case.budgets_ms):
        key = (name, method, f"{budget_ms:g}", str(seed))
        if key in known:
            continue
        folder = runs / name / f"{method.replace(', ', '-')}-{seed}"
        model, row = searched(case, METHODS[method], budget_ms, seed, folder)
        if case.judges_searched:
            row |= accuracy(judge.evaluate(model), "_searched")
        fine_tune(model, learned_on, case.afterwards, seed=1000 + seed)
        row |= accuracy(judge.evaluate(model))
        row |= dict(zip(KEY, key, strict=True))
        journal.append({column: row.get(column, "") for column in COLUMNS})
        print(row, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("case", choices=("rooms", "nyu"))
    parser.add_argument("--data", type=Path, help="the labelled NYU set, imported with its split")
    parser.add_argument(
        "--weights",
        help="nyu: FastDepth's published pruned network; rooms: default the shipped one",
    )
    parser.add_argument("--methods", nargs="*", default=list(METHODS))
    parser.add_argument("--budgets", nargs="*", type=float, help="only these of the case's, in ms")
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2])
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--runs", type=Path, default=Path("runs/search"))
    given = parser.parse_args()
    if given.case == "nyu" and not (given.data and given.weights):
        parser.error("nyu needs --data and --weights")
    keep_freed_memory()
    if given.case == "nyu":
        case = nyu(given.data, given.weights)
    else:
        case = rooms(given.weights or "fastdepth")
    if given.budgets:
        case = replace(case, budgets_ms=tuple(sorted(given.budgets, reverse=True)))
    compare(given.case, case, given.methods, given.seeds, given.out, given.runs)


if __name__ == "__main__":
    main()
