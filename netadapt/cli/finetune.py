"""`netadapt finetune`: the long fine-tune of a run's result."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
    TrustOption,
)
from netadapt.cli.training_bar import training_bar
from netadapt.pruning.settings import (
    LONG_BATCH_SIZE,
    LONG_EPOCHS,
    LONG_LEARNING_RATE,
    LONG_STEPS,
)

if TYPE_CHECKING:
    from netadapt.pruning.long_term import FineTuned


def finetune(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a pruning run.")],
    epochs: Annotated[
        int | None,
        typer.Option(min=1, help=f"Passes over the training images; default {LONG_EPOCHS}."),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(
            min=1,
            help=f"In place of --epochs; default {LONG_STEPS} where the task doesn't count its "
            "examples.",
        ),
    ] = None,
    learning_rate: Annotated[
        float, typer.Option(help="The highest learning rate.")
    ] = LONG_LEARNING_RATE,
    batch_size: Annotated[int, typer.Option(help="Images a step.")] = LONG_BATCH_SIZE,
    task: Annotated[
        str | None,
        typer.Option(
            help="Another task than the run's: its name, or package.module:function that gives one."
        ),
    ] = None,
    data: Annotated[
        str | None, typer.Option(help="Another data set than the run's: a folder, or 'rooms'.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="MODULE:FUNCTION",
            help="What builds the network that was pruned, for a run from Python that doesn't say.",
        ),
    ] = None,
    distill: Annotated[
        bool,
        typer.Option(
            "--distill", help="Towards what the network given to the run says, instead of labels."
        ),
    ] = False,
    loss: Annotated[
        str | None,
        typer.Option(help="Of depth: l1, berhu, log-l1, log-l1-gradient (default) or si-log."),
    ] = None,
    max_scale: MaxScaleOption = None,
    autocast: AutocastOption = False,
    tensorboard: TensorboardOption = False,
    compute: ComputeOption = None,
    threads: ThreadsOption = None,
    resume: ResumeOption = False,
    seed: Annotated[int | None, typer.Option(help="Another seed than the run's.")] = None,
    trust_factory: TrustOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Fine-tune what a run has pruned, for long, into the run's final/ folder.

    The task is the run's. Kept is the epoch that is best on the holdout by the task's first metric.

    Example: netadapt finetune runs/fastdepth-tx2-6ms --epochs 20

    Of a run from Python: netadapt finetune runs/mine --task my.tasks:digits --steps 2000
    """
    from dataclasses import replace

    from netadapt.networks.store import FINAL_NAME
    from netadapt.pruning.long_term import LONG_TERM_COURSE, LongTerm, finetune_run
    from netadapt.training.allocator import keep_freed_memory
    from netadapt.training.compute import use_threads
    from netadapt.training.event_log import EventLog

    course = replace(
        LONG_TERM_COURSE, batch_size=batch_size, learning_rate=learning_rate, autocast=autocast
    )
    options = {"loss": loss, "max_scale": max_scale}
    asked = LongTerm(
        course,
        epochs=epochs,
        steps=steps,
        task=task,
        data=data,
        model=model,
        options={name: value for name, value in options.items() if value is not None},
        distill=distill,
        seed=seed,
        compute=compute,
    )
    keep_freed_memory()
    use_threads(threads)
    event_log = EventLog(run / FINAL_NAME) if tensorboard else None
    try:
        with training_bar(quiet or as_json, event_log) as (after_step, after_epoch, _):
            tuned = finetune_run(
                run, asked, resume=resume, after_step=after_step, after_epoch=after_epoch
            )
    except KeyboardInterrupt:
        again = shlex.join(["netadapt", *sys.argv[1:], *([] if resume else ["--resume"])])
        say(f"stopped; continue with: {again}")
        raise
    if as_json:
        after = {"epoch": tuned.epoch, **tuned.after}
        print_json({"model": str(tuned.folder), "before": tuned.before, "after": after})
        return
    say(_words(tuned), quiet=quiet)
    say(f"the network is in {tuned.folder}; next: netadapt export {run}", quiet=quiet)


def _words(tuned: FineTuned) -> str:
    """What the fine-tune came to."""
    metrics = ", ".join(
        f"{name} {value:.3f} → {tuned.after[name]:.3f}" for name, value in tuned.before.items()
    )
    if tuned.epoch == 0:
        return (
            f"no epoch was as good on the holdout as the network was ({metrics}): it is kept as it "
            f"was; try --distill, more --data, a longer fine-tune (--epochs, --steps), or a lower "
            f"--learning-rate"
        )
    return f"holdout {metrics}, in epoch {tuned.epoch}, which is kept"
