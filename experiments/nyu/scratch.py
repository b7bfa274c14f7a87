"""Is it the widths or the weights? The widths that a search found, trained from nothing.

    python -m experiments.nyu.scratch fastdepth --data data/nyu

Each network of the default strategy at the case's main budget is built anew and trained on the
training images, for as many images as its search and its long fine-tune took, by the default recipe
for trainings from nothing. Judged like the others, in the same results.csv, after run.py.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from experiments.nyu.run import KEY, Setting, journal_of, parser_of, row_of, setting_of, tables_of
from netadapt.depth.fastdepth.config import INPUT_SIZE
from netadapt.depth.training.depth_task import DepthTask
from netadapt.depth.training.long_training import train
from netadapt.depth.training.recipe import RECIPES
from netadapt.depth.training.task_data import open_task
from netadapt.networks.build import build
from netadapt.networks.store import read_config
from netadapt.pruning.run_folder import read_steps
from netadapt.training.allocator import keep_freed_memory
from netadapt.training.compute import use_threads

METHOD = "saliency's widths, from nothing"


def trained(setting: Setting, seed: int, task: DepthTask) -> dict[str, Any]:
    """The row of one seed's network."""
    budget = setting.case.main
    run = setting.run_of("saliency", budget, seed)
    out = run.with_name(f"{run.name}-from-nothing")
    samples = read_steps(run)[-1].samples or 0
    after = setting.case.afterwards
    tuned = (after.epochs or 0) * task.training_count
    recipe = replace(RECIPES["default"].for_input(INPUT_SIZE), loss="log-l1", autocast=True)
    recipe = replace(recipe, epochs=max(1, round((samples + tuned) / task.training_count)))
    config = read_config(run)
    torch.manual_seed(seed)
    started = time.process_time()
    train(build(config), task, recipe, out, config.to_json(), seed=seed, resume=out.exists())
    key = (setting.name, METHOD, budget, str(seed))
    row = row_of(setting, read_steps(run)[-1], out, tables_of()) | dict(zip(KEY, key, strict=True))
    return row | {"samples": "", "finetune_cpu_s": round(time.process_time() - started)}


def main() -> None:
    given = parser_of(__doc__).parse_args()
    keep_freed_memory()
    use_threads(given.threads)
    setting = setting_of(given)
    journal = journal_of(given.out)
    sets = [Path(name) for name in setting.learned_on.split(",")]
    task = open_task(sets, loss="log-l1", augmentation=RECIPES["default"].augmentation)
    known = {row["seed"] for row in journal.rows() if row["method"] == METHOD}
    for seed in given.seeds:
        if str(seed) not in known:
            journal.append(trained(setting, seed, task))


if __name__ == "__main__":
    main()
