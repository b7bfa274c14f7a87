"""Tells where a search's time goes: experiments/search/README.md, "Where the time goes".

    python experiments/search/time_shares.py --out experiments/search/time_shares.csv

A short search of each strategy, with each number of threads, on the rooms of `make prune`, each in
a process of its own. What the main thread is at is asked of wrappers around the package's own
functions, an inner one before the one that calls it, so that the rows add up to the whole.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

COMPUTING = ("forward", "backward", "optimizer")
"""What a search is for; the forward passes are those of training, of evaluation and of saliency."""

PHASES = (
    *COMPUTING,
    *("metrics", "data", "saliency sums", "tracing", "cutting", "latency", "writing", "rest"),
)
SET_UP, ITERATIONS = "set-up", "iterations"

BUDGETS = {"full": "98%", "racing": "95%", "saliency": "80%", "uniform": "80%"}
"""Of what the network given takes: some minutes of computing each."""

FINETUNE_STEPS = {"saliency": 4, "uniform": 4}
"""Where it isn't the default: as it was in the times of README.md, so that they can be compared."""

COLUMNS = ("strategy", "threads", "part", "phase", "wall_s", "cpu_s", "share")


class Clock:
    """Adds up what the main thread is at, by part of the run and phase.

    A phase that is entered within another takes its time out of that. `wall` are seconds of the
    clock, `cpu` those of all threads of the process.
    """

    def __init__(
        self,
        wall: Callable[[], float] = time.perf_counter,
        cpu: Callable[[], float] = time.process_time,
    ) -> None:
        self.wall: dict[tuple[str, str], float] = {}
        self.cpu: dict[tuple[str, str], float] = {}
        self.part = SET_UP
        self._at = ["rest"]
        self._now = lambda: (wall(), cpu())
        self._since = self._now()

    @contextmanager
    def phase(self, name: str, *, whole: bool = False) -> Iterator[None]:
        """What runs within is `name`; if `whole`, with all that it calls."""
        on_main = threading.current_thread() is threading.main_thread()
        if not on_main or self._at[-1] in ("", name):
            yield
            return
        self._count()
        self._at.append(name)
        if whole:
            self._at.append("")
        try:
            yield
        finally:
            self._count()
            del self._at[-2 if whole else -1 :]

    def begin(self, part: str) -> None:
        """From now on the time is of this part of the run."""
        self._count()
        self.part = part

    def end(self) -> None:
        """Count what has passed."""
        self._count()

    def _count(self) -> None:
        now = self._now()
        key = self.part, next(name for name in reversed(self._at) if name)
        for totals, at, since in zip((self.wall, self.cpu), now, self._since, strict=True):
            totals[key] = totals.get(key, 0.0) + at - since
        self._since = now


def watch(clock: Clock) -> None:
    """Have `clock` told whenever the package is at one of the phases, from now on."""
    import torch

    from netadapt.depth.training import metrics
    from netadapt.depth.training.depth_task import DepthTask
    from netadapt.graph import rebasing, surgery, tracing
    from netadapt.latency.model.estimator import LatencyEstimator
    from netadapt.pruning import feasibility, proposals, rehearsal
    from netadapt.pruning.constraints.device_latency import DeviceLatency
    from netadapt.pruning.importance import magnitude
    from netadapt.pruning.importance.taylor import Taylor
    from netadapt.pruning.run_folder import RunFolder
    from netadapt.pruning.strategies.knapsack import Knapsack
    from netadapt.training import task
    from netadapt.training.optimizers import Optimizers

    for owner, name, phase in (
        (torch.nn.Module, "__call__", "forward"),
        (DepthTask, "loss", "forward"),
        (torch.Tensor, "backward", "backward"),
        (torch.autograd, "grad", "backward"),
        (Optimizers, "step", "optimizer"),
        (Optimizers, "zero_grad", "optimizer"),
        (metrics.DepthMetrics, "update", "metrics"),
        (metrics.DepthMetrics, "per_image", "metrics"),
        (Taylor, "__call__", "saliency sums"),
        (magnitude.Magnitude, "__call__", "saliency sums"),
        (LatencyEstimator, "__init__", "latency"),
        (DeviceLatency, "cost", "latency"),
        (DeviceLatency, "interval", "latency"),
        (Knapsack, "shrink_to", "latency"),
        (RunFolder, "__init__", "writing"),
        (RunFolder, "candidates", "writing"),
        (RunFolder, "try_out", "writing"),
        (RunFolder, "commit", "writing"),
    ):
        setattr(owner, name, _timed(clock, getattr(owner, name), phase))
    for function, phase, whole in (
        (tracing.trace, "tracing", True),
        (rebasing.rebased, "tracing", True),
        (surgery.cut, "cutting", False),
        (proposals.propose, "latency", False),
        (feasibility.feasibility, "latency", False),
        (rehearsal.rehearsed, "rest", False),
    ):
        _replace(function, _timed(clock, function, phase, whole=whole))
    _replace(task.batches_of, _timed_stream(clock, task.batches_of))
    DepthTask.evaluation_batches = _timed_stream(  # type: ignore[method-assign]
        clock, DepthTask.evaluation_batches
    )


def _timed(
    clock: Clock, function: Callable[..., Any], phase: str, *, whole: bool = False
) -> Callable[..., Any]:
    def timed(*args: Any, **kwargs: Any) -> Any:
        with clock.phase(phase, whole=whole):
            return function(*args, **kwargs)

    return timed


def _timed_stream(
    clock: Clock, function: Callable[..., Iterable[Any]]
) -> Callable[..., Iterator[Any]]:
    def timed(*args: Any, **kwargs: Any) -> Iterator[Any]:
        items = iter(function(*args, **kwargs))
        while True:
            with clock.phase("data"):
                item = next(items, None)
            if item is None:
                return
            yield item

    return timed


def _replace(function: Callable[..., Any], by: Callable[..., Any]) -> None:
    """Wherever a module of the package has `function`."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == "netadapt":
            for own, value in list(vars(module).items()):
                if value is function:
                    setattr(module, own, by)


def measure(strategy: str, threads: int) -> list[dict[str, Any]]:
    """Where the time of a search went: a row a part and phase."""
    import torch

    from netadapt.depth.training.task_data import data_folder
    from netadapt.pruning.job import OpenedBy, PruneJob, prepare, start
    from netadapt.training.allocator import keep_freed_memory

    keep_freed_memory()
    torch.set_num_threads(threads)
    data_folder("rooms")  # rendered, where they aren't yet
    job = PruneJob({"tx2": BUDGETS[strategy]}, OpenedBy("fastdepth", "depth", "rooms"))
    job = job.changed({"strategy": strategy})
    if strategy in FINETUNE_STEPS:
        job = job.changed({"finetune_steps": FINETUNE_STEPS[strategy]})
    clock = Clock()
    watch(clock)
    with tempfile.TemporaryDirectory() as folder:
        search = start(job, prepare(job), Path(folder) / "run", resume=False)
        next(search)
        clock.begin(ITERATIONS)
        for _ in search:
            pass
        clock.end()
    return [
        {
            "strategy": strategy,
            "threads": threads,
            "part": part,
            "phase": phase,
            "wall_s": round(clock.wall[part, phase], 3),
            "cpu_s": round(clock.cpu[part, phase], 3),
            "share": round(clock.wall[part, phase] / _of(clock.wall, part), 4),
        }
        for part in (SET_UP, ITERATIONS)
        for phase in PHASES
        if (part, phase) in clock.wall
    ]


def _of(seconds: dict[tuple[str, str], float], part: str) -> float:
    return sum(value for (own, _), value in seconds.items() if own == part)


def show(rows: list[dict[str, Any]]) -> None:
    """The rows of one search as a table, with what its computing comes to."""
    strategy, threads = rows[0]["strategy"], rows[0]["threads"]
    print(f"\n{strategy}, {threads} threads{'':<14} wall s   CPU s  share of wall")
    for part in (SET_UP, ITERATIONS):
        own = [row for row in rows if row["part"] == part]
        for row in own:
            print(
                f"{part:<11} {row['phase']:<18} {row['wall_s']:8.2f} {row['cpu_s']:7.2f} "
                f"{row['share']:8.1%}"
            )
    for name, parts in ((ITERATIONS, (ITERATIONS,)), ("whole run", (SET_UP, ITERATIONS))):
        own = [row for row in rows if row["part"] in parts]
        wall, cpu = (sum(row[key] for row in own) for key in ("wall_s", "cpu_s"))
        computing = sum(row["wall_s"] for row in own if row["phase"] in COMPUTING)
        print(
            f"{name:<11} {' + '.join(COMPUTING):<30}: {computing / wall:.1%} of {wall:.1f} s "
            f"({cpu:.1f} s of processor)",
            flush=True,
        )


def main(out: Path | None, strategies: list[str], threads: list[int]) -> None:
    """A table on screen for each strategy and number of threads, and all rows in `out`."""
    rows = []
    for strategy in strategies:
        for number in threads:
            command = [sys.executable, __file__, "--one", strategy, "--threads", str(number)]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            found = json.loads(done.stdout.splitlines()[-1])
            show(found)
            rows += found
    if out is not None:
        from netadapt.files import atomic_path

        with atomic_path(out) as temporary, temporary.open("w", newline="") as stream:
            table = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
            table.writeheader()
            table.writerows(rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    parser.add_argument(
        "--strategies", nargs="*", choices=list(BUDGETS), default=["full", "saliency"]
    )
    parser.add_argument("--threads", nargs="*", type=int, default=[1, 2])
    parser.add_argument("--one", choices=list(BUDGETS), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one is not None:
        print(json.dumps(measure(given.one, given.threads[0])))
    else:
        main(given.out, given.strategies, given.threads)
