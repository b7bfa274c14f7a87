"""The long fine-tune after a search: the run's last network, trained on into `final/`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from netadapt.depth.training.long_training import Progress, train
from netadapt.depth.training.recipe import RECIPES, Recipe
from netadapt.depth.training.task_data import data_folder, open_task
from netadapt.errors import RunError
from netadapt.networks.store import load_model, read_config
from netadapt.pruning.job import PruneJob
from netadapt.pruning.run_json import RunAbout
from netadapt.report.trajectory_plot import read_some_steps
from netadapt.training.compute import compute_device

FINAL = "final"
TASK = "depth"
"""The name of the task that this trains for."""


LONG_TERM = Recipe(
    epochs=10,
    batch_size=16,
    loss="log-l1-gradient",
    optimizer="adamw",
    learning_rate=1e-3,
    weight_decay=0.02,
    schedule="cosine",
    warmup_steps=20,
    max_scale=RECIPES["default"].max_scale,
    ema_decay=0.99,
)
"""What wins back most of what the short fine-tuning of a search leaves."""


def finetune_run(
    run: Path,
    recipe: Recipe = LONG_TERM,
    *,
    data: str | None = None,
    compute: str | None = None,
    resume: bool = False,
    seed: int | None = None,
    after_step: Callable[[Progress], None] | None = None,
    after_epoch: Callable[[dict[str, Any]], None] | None = None,
) -> tuple[Path, dict[str, float]]:
    """Train the last network of `run` on; gives its folder and the metrics it had before.

    Data, seed and input size are the run's unless given. Raises RunError when the run has its final
    network already and `resume` is false, or was pruned for another task than depth.
    """
    opened = RunAbout.read(run).opened
    if opened.get("task") != TASK:
        whose = f"for the task {opened['task']}" if opened else "from Python"
        raise RunError(
            f"{run} was pruned {whose}, and this command trains for depth; fine-tune it from "
            f"Python with netadapt.fine_tune (docs/your-own-network.md)"
        )
    job = PruneJob.of_run(run)
    checkpoint = run / read_some_steps(run)[-1].checkpoint
    model, config = load_model(checkpoint), read_config(checkpoint)
    height, width = config.input_shapes[0][-2:]
    recipe = recipe.for_input((height, width))
    chosen = data or job.opened.data
    task = open_task(
        data_folder(chosen),
        recipe.size,
        loss=recipe.loss,
        holdout_images=job.opened.holdout_images,
        compute=compute_device(compute or job.opened.compute),
        augmentation=recipe.augmentation,
    )
    before = task.evaluate(model.to(task.compute))
    train(
        model,
        task,
        recipe,
        run / FINAL,
        config.to_json(),
        seed=job.settings.seed if seed is None else seed,
        resume=resume,
        data=chosen,
        after_step=after_step,
        after_epoch=after_epoch,
    )
    return run / FINAL, before
