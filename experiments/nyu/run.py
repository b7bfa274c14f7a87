"""What a millisecond costs on NYU Depth v2's official test set.

    python -m experiments.nyu.run fastdepth --data data/nyu --rooms data/rooms-9
    python -m experiments.nyu.run published --data data/nyu --weights models/official-pruned

Every method prunes the case's network to a budget, and each network gets the same long fine-tune
(`netadapt finetune`) on the training images. Choices are made by the holdout, whole scenes of the
training images; the 654 test images are evaluated on once, at a network's end. What has its row is
left out, and a stopped run goes on where it was. The main budget comes first, then the others.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

import experiments.nyu.strategies  # noqa: F401, it registers the baselines
from experiments.nyu.cases import CASES, METHODS, Case
from experiments.search_method import Method
from netadapt.depth.data.datasets import open_depth_data
from netadapt.depth.fastdepth.config import INPUT_SIZE
from netadapt.depth.prediction.predictor import TorchPredictor
from netadapt.depth.training.evaluation import evaluate
from netadapt.graph import trace
from netadapt.journal import CsvJournal
from netadapt.latency.model.estimator import LatencyEstimator
from netadapt.latency.table.table import LookupTable
from netadapt.networks.store import FINAL_NAME, load_model
from netadapt.pruning.job import is_begun, prepare, start
from netadapt.pruning.long_term import finetune_run
from netadapt.pruning.records import StepRecord
from netadapt.pruning.run_folder import read_steps
from netadapt.training.allocator import keep_freed_memory
from netadapt.training.compute import use_threads

OUT = Path(__file__).parent / "results.csv"

METRICS = ("delta1", "rmse_m", "aligned_delta1", "correlation")
DEVICES = ("tx2", "tx2-cpu", "rk3399")
LATENCY = ("latency_ms", "latency_low_ms", "latency_high_ms")
ENDS = ("value", "low", "high")
KEY = ("case", "method", "budget", "seed")
COLUMNS = (
    *KEY,
    *LATENCY,
    *(f"{device}_ms" for device in DEVICES),
    *("macs", "params", "samples", "search_cpu_s", "finetune_cpu_s"),
    *METRICS,
)


@dataclass(frozen=True)
class Setting:
    """What is the same for every network of a case."""

    name: str
    weights: str
    data: Path
    runs: Path
    more_data: tuple[str, ...]
    """Sets that are learned from too."""
    chosen: tuple[str, ...]
    """Methods, by name."""

    @property
    def learned_on(self) -> str:
        """The data of searches and fine-tunes; the first set's holdout judges."""
        return ",".join([str(self.data), *self.more_data])

    @property
    def case(self) -> Case:
        return CASES[self.name]

    def methods(self, budget: str) -> list[str]:
        """Those chosen that the case has at this budget."""
        return [name for name in self.case.methods(budget) if name in self.chosen]

    def run_of(self, method: str, budget: str, seed: int) -> Path:
        """The folder of a search and its fine-tune."""
        return self.runs / self.name / f"{method}-{budget}-{seed}".replace(" ", "-")


def pruned(setting: Setting, method: Method, budget: str, seed: int, run: Path) -> None:
    """The search into `run`; one that is there goes on from where it was stopped."""
    job = method.job(setting.case.budgets[budget], setting.weights, setting.learned_on, seed)
    with start(job, prepare(job), run, resume=is_begun(run)) as search:
        for _ in search:
            pass


def tuned(setting: Setting, run: Path) -> None:
    """The long fine-tune of `run` into its `final/`."""
    finetune_run(run, setting.case.afterwards, resume=(run / FINAL_NAME).exists())


def row_of(
    setting: Setting, last: StepRecord, folder: Path, tables: Mapping[str, LatencyEstimator]
) -> dict[str, Any]:
    """What a row says of the network in `folder`, whose search ended with `last`.

    The test images are seen here.
    """
    model = load_model(folder)
    graph = trace(model, torch.zeros(1, 3, *INPUT_SIZE))
    row: dict[str, Any] = {
        f"{device}_ms": f"{table.network(graph).ms:.4f}" for device, table in tables.items()
    }
    if last.latency is not None:
        interval = asdict(last.latency)
        row |= {name: f"{interval[end]:.4f}" for name, end in zip(LATENCY, ENDS, strict=True)}
    row |= {"macs": last.macs, "params": last.params, "samples": last.samples}
    predictor = TorchPredictor(str(folder), INPUT_SIZE, model, torch.device("cpu"))
    found = evaluate(predictor, open_depth_data(setting.data, "val"))
    return row | {metric: f"{found[metric].mean():.4f}" for metric in METRICS}


def compare(setting: Setting, budgets: Sequence[str], seeds: Sequence[int], out: Path) -> None:
    """A row in `out` for each method, budget and seed of the case."""
    tables, journal = tables_of(), journal_of(out)
    known = {tuple(row[column] for column in KEY) for row in journal.rows()}
    for seed, budget in itertools.product(seeds, budgets):
        for method in setting.methods(budget):
            key = (setting.name, method, budget, str(seed))
            if key in known:
                continue
            run = setting.run_of(method, budget, seed)
            searched = cpu_seconds(pruned, setting, METHODS[method], budget, seed, run)
            tuned_in = cpu_seconds(tuned, setting, run)
            row = row_of(setting, read_steps(run)[-1], run, tables) | dict(
                zip(KEY, key, strict=True)
            )
            row |= {"search_cpu_s": searched, "finetune_cpu_s": tuned_in}
            journal.append({column: row.get(column, "") for column in COLUMNS})
            print(row, flush=True)


def cpu_seconds(work: Callable[..., None], *arguments: Any) -> int:
    """How long the processor was at `work`; of what a stopped run has left to do."""
    started = time.process_time()
    work(*arguments)
    return round(time.process_time() - started)


def tables_of() -> dict[str, LatencyEstimator]:
    """What each device's table says, whatever the budget was on."""
    return {name: LatencyEstimator(LookupTable.read(name)) for name in DEVICES}


def journal_of(out: Path) -> CsvJournal:
    """The results, as far as there are some."""
    return CsvJournal(out, COLUMNS)


def parser_of(about: str | None) -> argparse.ArgumentParser:
    """The options that all of the experiment's commands have."""
    parser = argparse.ArgumentParser(
        description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("case", choices=CASES)
    parser.add_argument("--data", type=Path, required=True, help="the labelled set, imported")
    parser.add_argument("--weights", default="fastdepth", help="the model to prune")
    parser.add_argument("--methods", nargs="*", choices=METHODS, help="only these")
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2])
    parser.add_argument("--rooms", help="rendered rooms, which are learned from too")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--runs", type=Path, default=Path("runs/nyu"))
    return parser


def setting_of(given: argparse.Namespace) -> Setting:
    """What those options say."""
    chosen = tuple(given.methods or METHODS)
    more = (given.rooms,) if given.rooms else ()
    return Setting(given.case, given.weights, given.data, given.runs, more, chosen)


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--budgets", nargs="*", help="only these of the case's")
    given = parser.parse_args()
    keep_freed_memory()
    use_threads(given.threads)
    case = CASES[given.case]
    others = [budget for budget in case.budgets if budget != case.main]
    compare(setting_of(given), given.budgets or [case.main, *others], given.seeds, given.out)


if __name__ == "__main__":
    main()
