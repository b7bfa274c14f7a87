"""`netadapt finetune`: the long fine-tune of a run's result."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from netadapt.cli.console import print_json, say
from netadapt.cli.options import (
    AutocastOption,
    ComputeOption,
    JsonOption,
    MaxScaleOption,
    QuietOption,
    ResumeOption,
    TensorboardOption,
    ThreadsOption,
)
from netadapt.cli.training_bar import training_bar


def finetune(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a pruning run.")],
    epochs: Annotated[int, typer.Option(help="Passes over the training images.")] = 10,
    learning_rate: Annotated[float, typer.Option(help="The highest learning rate.")] = 1e-3,
    batch_size: Annotated[int, typer.Option(help="Images a step.")] = 16,
    loss: Annotated[
        str, typer.Option(help="l1, berhu, log-l1 or log-l1-gradient.")
    ] = "log-l1-gradient",
    data: Annotated[
        str | None, typer.Option(help="Another data set than the run's: a folder, or 'rooms'.")
    ] = None,
    max_scale: MaxScaleOption = None,
    autocast: AutocastOption = False,
    tensorboard: TensorboardOption = False,
    compute: ComputeOption = None,
    threads: ThreadsOption = None,
    resume: ResumeOption = False,
    seed: Annotated[int | None, typer.Option(help="Another seed than the run's.")] = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Fine-tune what a run has pruned, for long, into the run's final/ folder.

    Example: netadapt finetune runs/fastdepth-tx2-6ms --epochs 20
    """
    from dataclasses import replace

    from netadapt.depth.training.long_term import FINAL, LONG_TERM, finetune_run
    from netadapt.training.allocator import keep_freed_memory
    from netadapt.training.compute import use_threads
    from netadapt.training.event_log import EventLog

    recipe = replace(
        LONG_TERM,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        loss=loss,
        max_scale=LONG_TERM.max_scale if max_scale is None else max_scale,
        autocast=autocast,
    )
    keep_freed_memory()
    use_threads(threads)
    event_log = EventLog(run / FINAL) if tensorboard else None
    with training_bar(quiet or as_json, event_log) as (after_step, after_epoch, rows):
        final, before = finetune_run(
            run,
            recipe,
            data=data,
            compute=compute,
            resume=resume,
            seed=seed,
            after_step=after_step,
            after_epoch=after_epoch,
        )
    last: dict[str, Any] = rows[-1] if rows else {}
    if as_json:
        print_json({"model": str(final), "before": before, "after": last})
        return
    if last:
        say(
            f"holdout delta1 {before['delta1']:.3f} → {last['delta1']:.3f}, RMSE "
            f"{before['rmse_m']:.3f} → {last['rmse_m']:.3f} m",
            quiet=quiet,
        )
    say(f"the network is in {final}; next: netadapt evaluate {run}", quiet=quiet)
