"""`netadapt prune`: the main job; what it is asked, how it ends, and how to go on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from netadapt.cli.console import messages, print_json, say
from netadapt.cli.options import (
    ComputeOption,
    DataOption,
    JsonOption,
    KeyOption,
    ModelOption,
    ProfileOption,
    QuietOption,
    RayOption,
    ResumeOption,
    SeedOption,
    ShapeOption,
    SizeOption,
    ThreadsOption,
    TrackerOption,
    WorkersOption,
    parse_shapes,
    parse_size,
)
from netadapt.cli.search_progress import SearchProgress, search_progress
from netadapt.cli.setting_options import with_settings
from netadapt.errors import DeviceError

if TYPE_CHECKING:
    from netadapt.pruning.job import PruneJob
    from netadapt.pruning.records import StepRecord
    from netadapt.pruning.search import Search


@with_settings
def prune(
    context: typer.Context,
    budget_ms: Annotated[
        float | None, typer.Option(help="The latency to reach, in milliseconds.")
    ] = None,
    device: Annotated[
        str, typer.Option(help="The device whose lookup table counts, or a table's CSV.")
    ] = "tx2",
    model: ModelOption = "fastdepth",
    weights: Annotated[
        str | None,
        typer.Option(help="A model folder, a shipped model, .pth.tar or .npz."),
    ] = None,
    data: DataOption = "rooms",
    task: Annotated[
        str, typer.Option(help="A task's name, or package.module:function that gives one.")
    ] = "depth",
    out: Annotated[
        Path | None, typer.Option(help="The run's folder; default runs/MODEL-DEVICE-BUDGETms.")
    ] = None,
    resume: ResumeOption = False,
    holdout_images: Annotated[
        int, typer.Option(help="Images every proposal is evaluated on, spread over the holdout.")
    ] = 32,
    input_size: SizeOption = None,
    input_shapes: ShapeOption = None,
    freeze: Annotated[
        list[str] | None,
        typer.Option(help="A channel group that keeps its width, or a glob; repeatable."),
    ] = None,
    min_width: Annotated[
        list[str] | None,
        typer.Option(metavar="GROUP=N", help="The least width of a group, or glob; repeatable."),
    ] = None,
    compute: ComputeOption = None,
    threads: ThreadsOption = None,
    workers: WorkersOption = None,
    ray: RayOption = None,
    on_demand: Annotated[
        bool,
        typer.Option(
            "--on-demand",
            help="Measure on the device what the search decides by and the device's table lacks.",
        ),
    ] = False,
    profile: ProfileOption = None,
    tracker: TrackerOption = None,
    key: KeyOption = None,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    *,
    settings: dict[str, Any],
) -> None:
    """Prune a trained network until it meets a latency budget on a device.

    Example: netadapt prune --budget-ms 6 --device tx2
    """
    from netadapt.pruning.job import is_begun, measuring_profile
    from netadapt.training.allocator import keep_freed_memory

    given: dict[str, Any] = {
        "model": model,
        "weights": weights,
        "data": data,
        "task": task,
        "holdout_images": holdout_images,
        "input_size": parse_size(input_size),
        "input_shapes": parse_shapes(input_shapes),
        "compute": compute,
        "threads": threads,
        "workers": workers,
        "ray": ray,
        "on_demand": on_demand,
        "profile": None if profile is None else str(profile),
        "tracker": tracker,
        "key": key,
        "frozen": tuple(freeze or ()),
        "min_widths": _min_widths(min_width or []),
        "seed": seed,
        **settings,
    }
    quiet = quiet or as_json
    if resume and out is not None and not is_begun(out):
        say(f"{out} holds no run: this begins one", quiet=quiet)
    job = _job(context, given, device, budget_ms, out if resume else None)
    folder = out or Path("runs") / _run_name(job)
    if (device_profile := measuring_profile(job)) is not None:
        for advice in device_profile.fix_first:
            say(f"first, on {device_profile.name}: {advice}", quiet=quiet)
    if resume and out is None and not is_begun(folder):
        say(f"{folder} holds no run: this begins one", quiet=quiet)
    keep_freed_memory()
    job = _with_threads(job, quiet)
    with search_progress(quiet) as progress:
        search = _run(job, folder, progress, resume=resume, quiet=quiet)
    if as_json:
        print_json({"run": str(folder), "trajectory": [_json(r) for r in search.records]})
        return
    if progress.layers_measured:
        say(
            f"measured {progress.layers_measured} layers that the table lacked, and added them",
            quiet=quiet,
        )
    _print_summary(folder, search)
    if job.opened.task == "depth":
        say(
            f"next: netadapt finetune {folder}, to win back what short-term fine-tuning left",
            quiet=quiet,
        )


def _job(
    context: typer.Context,
    given: dict[str, Any],
    device: str,
    budget_ms: float | None,
    resumed: Path | None,
) -> PruneJob:
    """What the options ask for; of a run that is resumed, what they say otherwise than it did."""
    from netadapt.pruning.job import OpenedBy, PruneJob, is_begun

    job = PruneJob({}, OpenedBy(given["model"], given["task"], given["data"]))
    if resumed is not None and is_begun(resumed):
        job = PruneJob.of_run(resumed)
        option = {"frozen": "freeze", "min_widths": "min_width"}
        given = {n: v for n, v in given.items() if _was_given(context, option.get(n, n))}
    another = not job.budget or _was_given(context, "device")
    return job.changed(given).with_budget(device if another else None, budget_ms)


def _with_threads(job: PruneJob, quiet: bool) -> PruneJob:
    """`job` with the number of threads that this process computes with from now on.

    A resumed run computes with as many as it began with: another number rounds otherwise.
    """
    import torch

    from netadapt.cores import usable_cores
    from netadapt.training.compute import use_threads

    use_threads(job.opened.threads)
    number = torch.get_num_threads()
    if number > usable_cores():
        say(
            f"{number} threads on {usable_cores()} cores wait for each other; fewer --threads are "
            f"quicker, and may change the last digits",
            quiet=quiet,
        )
    return job.changed({"threads": number})


def _run(
    job: PruneJob, folder: Path, progress: SearchProgress, *, resume: bool, quiet: bool
) -> Search:
    """The search of `job`, at its end; where it stops before, how to go on is said."""
    from netadapt.pruning.job import is_begun, prepare, start

    try:
        prepared = prepare(job, lambda text: say(text, quiet=quiet), progress.rendering)
        search = start(job, prepared, folder, resume=resume, callbacks=[progress])
        for _ in search:
            pass
    except KeyboardInterrupt:
        again = f"netadapt prune --resume --out {folder}"
        say(f"stopped; continue with: {again if is_begun(folder) else 'the same command'}")
        raise
    except DeviceError as error:
        raise DeviceError(f"{error}; to go on, run the same command again with --resume") from error
    return search


def _was_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _min_widths(texts: Sequence[str]) -> dict[str, int]:
    """`GROUP=N` each. Raises BadParameter for anything else."""
    widths = {}
    for text in texts:
        group, _, width = text.rpartition("=")
        if not group or not width.isdecimal():
            raise typer.BadParameter(f"--min-width has '{text}'; expected GROUP=N, as conv1=16")
        widths[group] = int(width)
    return widths


def _run_name(job: PruneJob) -> str:
    model = Path(job.opened.model.replace(":", ".")).name
    ((device, budget),) = job.budget.items()
    return f"{model}-{Path(device).stem}-{budget:g}ms"


def _json(record: StepRecord) -> dict[str, Any]:
    """A row of the trajectory as JSON: null where there is no number."""
    from netadapt.pruning.records import MISSING_NUMBERS

    return {
        name: None if name in MISSING_NUMBERS and value == "" else value
        for name, value in record.to_row().items()
    }


def _print_summary(folder: Path, search: Search) -> None:
    first, last = search.records[0], search.records[-1]
    rows = Table("", "predicted ms", *first.metrics, "MACs", "parameters", box=None)
    for name, record in (("given", first), ("pruned", last)):
        latency = record.latency
        rows.add_row(
            name,
            "–"
            if latency is None
            else f"{latency.value:.3g} ({latency.low:.3g} to {latency.high:.3g})",
            *(f"{value:.3f}" for value in record.metrics.values()),
            f"{record.macs / 1e9:.3f} G",
            f"{record.params / 1e6:.2f} M",
        )
    messages.print(rows)
    say(f"trajectory: {folder / 'trajectory.csv'}")
