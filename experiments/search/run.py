"""Compares what a search can do, for experiments/search: strategies, importances, their settings.

    python experiments/search/run.py --out experiments/search/results.csv

Every method prunes the shipped model on the rendered rooms of `make prune`, to each budget, with
each seed, and gets the same fine-tuning afterwards; all are judged on rooms that no search has
seen. What has its row is left out, and a stopped search goes on where it was.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import nn

from netadapt import load_model
from netadapt.cores import usable_cores
from netadapt.depth.data.base import SPLITS
from netadapt.depth.data.datasets import open_depth_data
from netadapt.depth.data.subsets import Joined
from netadapt.depth.rooms import write_rooms_pack
from netadapt.depth.training.depth_task import DepthTask
from netadapt.depth.training.task_data import (
    SHORT_TERM_AUGMENTATION,
    SHORT_TERM_LOSS,
    cache_folder,
    data_folder,
    open_task,
)
from netadapt.journal import CsvJournal
from netadapt.pruning.importance.registry import register_importance
from netadapt.pruning.importance.taylor import Taylor
from netadapt.pruning.job import OpenedBy, PruneJob, prepare, start
from netadapt.training.allocator import keep_freed_memory
from netadapt.training.finetune import fine_tune
from netadapt.training.settings import FineTuning

LONG = FineTuning(steps=200, learning_rate=1e-3, schedule="cosine", warmup_steps=5)
"""What every method's network gets afterwards."""

UNSEEN_SEED, UNSEEN_SCENES = 977, 128
"""Of the rooms that all are judged on: a seed that no training and no search has."""

COLUMNS = (
    *("method", "budget_ms", "seed", "latency_ms", "macs", "iterations", "samples"),
    *("search_cpu_s", "search_s", "delta1_searched", "rmse_m_searched", "delta1", "rmse_m"),
)


@dataclass(frozen=True)
class Method:
    """Settings of a search by the names of the command line's options."""

    strategy: str
    settings: Mapping[str, Any] = field(default_factory=dict)


STEADY = {"first_reduction": 0.05, "decay": 1.0, "finetune_steps": 4}
"""Each iteration saves a twentieth of what the network given takes."""

BY_WEIGHTS = {**STEADY, "importance": "taylor-weights"}

register_importance("taylor-64", Taylor(images=64, name="taylor-64"))
register_importance("taylor-weights", Taylor(at_outputs=False, name="taylor-weights"))
register_importance(
    "taylor-weights-64", Taylor(images=64, at_outputs=False, name="taylor-weights-64")
)

METHODS = {
    "full": Method("full"),
    "full, taylor": Method("full", {"importance": "taylor"}),
    "racing": Method("racing"),
    "saliency": Method("saliency", STEADY),
    "saliency, distilled": Method("saliency", {**STEADY, "distill": True}),
    "saliency, 64 images": Method("saliency", {**STEADY, "importance": "taylor-64"}),
    "saliency, by weights": Method("saliency", BY_WEIGHTS),
    "saliency, by weights, large steps": Method("saliency", {**BY_WEIGHTS, "first_reduction": 0.1}),
    "saliency, by weights, small steps": Method(
        "saliency", {**BY_WEIGHTS, "first_reduction": 0.025}
    ),
    "saliency, by weights, 64 images, 8 steps": Method(
        "saliency", {**BY_WEIGHTS, "importance": "taylor-weights-64", "finetune_steps": 8}
    ),
    "saliency, l2": Method("saliency", {**STEADY, "importance": "l2"}),
    "uniform": Method("uniform"),
    "random": Method("random"),
}


def unseen_rooms() -> DepthTask:
    """Rooms of a seed of their own, to judge by."""
    folder = cache_folder() / f"rooms-unseen-{UNSEEN_SEED}-{UNSEEN_SCENES}"
    write_rooms_pack(folder, scenes=UNSEEN_SCENES, seed=UNSEEN_SEED, workers=usable_cores())
    frames = Joined([open_depth_data(folder, split) for split in SPLITS])
    return DepthTask(frames, frames)


def searched(
    method: Method, budget_ms: float, seed: int, out: Path
) -> tuple[nn.Module, dict[str, Any]]:
    """The network that a search ends with, and what its row says of the search."""
    job = PruneJob({"tx2": budget_ms}, OpenedBy("fastdepth", "depth", "rooms")).changed(
        {"strategy": method.strategy, "seed": seed, **method.settings}
    )
    prepared = prepare(job)
    started, cpu_started = time.perf_counter(), time.process_time()
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
            "search_s": round(time.perf_counter() - started),
        }
        return search.step.model, row


def compare(out: Path, runs: Path, methods: list[str], budgets: list[float], seeds: int) -> None:
    """A row in `out` for each method, budget and seed."""
    unseen = unseen_rooms()
    rooms = open_task(
        data_folder("rooms"), loss=SHORT_TERM_LOSS, augmentation=SHORT_TERM_AUGMENTATION
    )
    given = unseen.evaluate(load_model("fastdepth-rooms"))
    print({"the network given": {name: round(given[name], 4) for name in ("delta1", "rmse_m")}})
    journal = CsvJournal(out, COLUMNS)
    known = {(row["method"], row["budget_ms"], row["seed"]) for row in journal.rows()}
    for seed in range(seeds):
        for budget_ms in budgets:
            for name in methods:
                key = (name, f"{budget_ms:g}", str(seed))
                if key in known:
                    continue
                folder = runs / f"{name.replace(', ', '-')}-{budget_ms:g}-{seed}"
                model, row = searched(METHODS[name], budget_ms, seed, folder)
                before = unseen.evaluate(model)
                fine_tune(model, rooms, LONG, seed=1000 + seed)
                after = unseen.evaluate(model)
                found = {
                    **dict(zip(COLUMNS[:3], key, strict=True)),
                    **row,
                    "delta1_searched": f"{before['delta1']:.4f}",
                    "rmse_m_searched": f"{before['rmse_m']:.4f}",
                    "delta1": f"{after['delta1']:.4f}",
                    "rmse_m": f"{after['rmse_m']:.4f}",
                }
                journal.append(found)
                print(found, flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs/search"))
    parser.add_argument("--methods", nargs="*", default=list(METHODS))
    parser.add_argument("--budgets", nargs="*", type=float, default=[6.0, 5.0])
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    keep_freed_memory()
    compare(given.out, given.runs, given.methods, given.budgets, given.seeds)
