"""`netadapt prune`: the main job; what it is asked, how it ends, and how to go on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from netadapt.cli.console import messages, print_json, say
from netadapt.cli.dry_run import show_dry_run
from netadapt.cli.options import (
    ComputeOption,
    DataOption,
    FreezeOption,
    JsonOption,
    KeyOption,
    MinWidthOption,
    ModelOption,
    ProfileOption,
    QuietOption,
    RayOption,
    ResumeOption,
    SeedOption,
    ShapeOption,
    SizeOption,
    TensorboardOption,
    ThreadsOption,
    TrackerOption,
    TrustOption,
    WorkersOption,
    parse_min_widths,
    parse_shapes,
    parse_size,
)
from netadapt.cli.search_progress import SearchProgress, Work, search_progress
from netadapt.cli.setting_options import with_settings
from netadapt.errors import DeviceError
from netadapt.large_numbers import in_three_digits
from netadapt.pruning.settings import VERIFY_EVERY

if TYPE_CHECKING:
    from netadapt.pruning.callbacks import Callback
    from netadapt.pruning.job import PruneJob
    from netadapt.pruning.records import Interval, StepRecord
    from netadapt.pruning.search import Search


@with_settings
def prune(
    context: typer.Context,
    budget_ms: Annotated[
        str | None,
        typer.Option(
            metavar="MS",
            help="The latency to reach, in milliseconds; of what the network takes: 50% or 2x.",
        ),
    ] = None,
    device: Annotated[
        str, typer.Option(help="The device whose lookup table counts, or a table's CSV.")
    ] = "tx2",
    budget: Annotated[
        list[str] | None,
        typer.Option(metavar="DEVICE=MS", help="A budget on a device; repeatable: all are met."),
    ] = None,
    budget_macs: Annotated[
        str | None,
        typer.Option(metavar="COUNT", help="The most multiply-accumulates: 0.4G, 50%, 2x."),
    ] = None,
    budget_params: Annotated[
        str | None, typer.Option(metavar="COUNT", help="The most parameters: 1M, 50%, 2x.")
    ] = None,
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
    ] = 128,
    input_size: SizeOption = None,
    input_shapes: ShapeOption = None,
    freeze: FreezeOption = None,
    min_width: MinWidthOption = None,
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
    verify: Annotated[
        bool,
        typer.Option(
            "--verify",
            help="Time the whole network on the device, at first, at the end and every 5th "
            "iteration, and correct what is predicted by it.",
        ),
    ] = False,
    verify_every: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="--verify, every Nth iteration.")
    ] = None,
    tensorboard: TensorboardOption = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Say what is possible, how many iterations it takes, and how long, from one "
            "candidate that is really tried; nothing is written.",
        ),
    ] = False,
    profile: ProfileOption = None,
    tracker: TrackerOption = None,
    key: KeyOption = None,
    seed: SeedOption = 0,
    trust_factory: TrustOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    *,
    settings: dict[str, Any],
) -> None:
    """Prune a trained network until it meets its budgets: a latency on a device, a count.

    Example: netadapt prune --budget-ms 6 --device tx2

    Several at once: netadapt prune --budget tx2=6 --budget tx2-cpu=40 --budget-macs 50%
    """
    from netadapt.pruning.job import is_begun, measuring_profiles
    from netadapt.pruning.tensorboard import TensorBoard
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
        "min_widths": parse_min_widths(min_width),
        "seed": seed,
        "verify_every": verify_every or (VERIFY_EVERY if verify else 0),
        **settings,
    }
    quiet = quiet or as_json
    if resume and dry_run:
        raise typer.BadParameter("--dry-run tells of a run from its beginning; leave out --resume")
    if resume and out is not None and not is_begun(out):
        say(f"{out} holds no run: this begins one", quiet=quiet)
    others = _budgets(budget or [], {"macs": budget_macs, "params": budget_params})
    job = _job(context, given, device, budget_ms, others, out if resume else None)
    folder = out or Path("runs") / _run_name(job)
    for device_profile in measuring_profiles(job):
        for advice in device_profile.fix_first:
            say(f"first, on {device_profile.name}: {advice}", quiet=quiet)
    if resume and out is None and not is_begun(folder):
        say(f"{folder} holds no run: this begins one", quiet=quiet)
    keep_freed_memory()
    job = _with_threads(job, quiet)
    if dry_run:
        show_dry_run(job, quiet=quiet, as_json=as_json)
        return
    with search_progress(quiet) as progress:
        callbacks = [progress, *([TensorBoard(folder)] if tensorboard else [])]
        search = _run(job, folder, progress, callbacks, resume=resume, quiet=quiet)
    if as_json:
        print_json(
            {
                "run": str(folder),
                "budget": search.budget,
                "trajectory": _json(search.records),
            }
        )
        return
    if progress.layers_measured:
        say(
            f"measured {progress.layers_measured} layers that the table lacked, and added them",
            quiet=quiet,
        )
    _print_summary(folder, search)
    say(
        f"next: netadapt finetune {folder}, to win back what short-term fine-tuning left",
        quiet=quiet,
    )


def _job(
    context: typer.Context,
    given: dict[str, Any],
    device: str,
    budget_ms: str | None,
    others: Sequence[tuple[str, str]],
    resumed: Path | None,
) -> PruneJob:
    """What the options ask for; of a run that is resumed, what they say otherwise than it did."""
    from netadapt.pruning.job import OpenedBy, PruneJob, is_begun

    job = PruneJob({}, OpenedBy(given["model"], given["task"], given["data"]))
    if resumed is not None and is_begun(resumed):
        given = {n: v for n, v in given.items() if _was_given(context, *_OPTIONS.get(n, (n,)))}
        job = PruneJob.of_run(resumed, given)
    named = _was_given(context, "device")
    if not job.budget and named and budget_ms is None and others:
        raise typer.BadParameter(
            f"--device {device} says where --budget-ms is to be reached, which isn't given; give "
            f"it, or leave out --device"
        )
    another = named or (not job.budget and budget_ms is not None)
    return job.changed(given).with_budget(device if another else None, budget_ms, others)


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
    job: PruneJob,
    folder: Path,
    progress: SearchProgress,
    callbacks: list[Callback],
    *,
    resume: bool,
    quiet: bool,
) -> Search:
    """The search of `job`, at its end; where it stops before, how to go on is said."""
    from netadapt.pruning.job import is_begun, prepare, start
    from netadapt.training.task import tells_images

    try:
        progress.opening(f"{job.opened.model} and its data")
        prepared = prepare(job, lambda text: say(text, quiet=quiet), progress.rendering)
        if tells_images(prepared.task):
            progress.expects(Work.of(prepared.task.holdout_count, job.settings))
        search = start(job, prepared, folder, resume=resume, callbacks=callbacks)
        for _ in search:
            pass
    except KeyboardInterrupt:
        again = f"netadapt prune --resume --out {folder}"
        say(f"stopped; continue with: {again if is_begun(folder) else 'the same command'}")
        raise
    except DeviceError as error:
        raise DeviceError(f"{error}; to go on, run the same command again with --resume") from error
    return search


def _budgets(texts: Sequence[str], counts: Mapping[str, str | None]) -> list[tuple[str, str]]:
    """Names with their amounts: of `NAME=AMOUNT` each, then of the counts that are given.

    Raises BadParameter for anything else.
    """
    budgets = []
    for text in texts:
        name, _, amount = text.rpartition("=")
        if not name or not amount:
            raise typer.BadParameter(f"--budget has '{text}'; expected DEVICE=MS, as tx2=6")
        budgets.append((name, amount))
    return budgets + [(name, most) for name, most in counts.items() if most is not None]


_OPTIONS = {
    "frozen": ("freeze",),
    "min_widths": ("min_width",),
    "verify_every": ("verify", "verify_every"),
}
"""The options that a setting comes from, where they are called otherwise."""


def _was_given(context: typer.Context, *names: str) -> bool:
    sources = [context.get_parameter_source(name) for name in names]
    return any(source is not None and source.name == "COMMANDLINE" for source in sources)


def _run_name(job: PruneJob) -> str:
    """MODEL-DEVICE-6ms; several budgets one after the other, as …-tx2-6ms-macs-400M."""
    from netadapt.pruning.constraints.registry import devices_of, label_of, read_budget

    parts = [Path(job.opened.model.replace(":", ".")).name]
    for name, amount in read_budget(job.budget).items():
        unit = "ms" if name in devices_of(job.budget) and not amount.relative else ""
        parts += [label_of(name), f"{amount}{unit}".replace("%", "pct")]
    return "-".join(parts)


def _json(records: Sequence[StepRecord]) -> list[dict[str, Any]]:
    """The trajectory as JSON, every row with all columns: null where there is no number."""
    from netadapt.pruning.records import MISSING_NUMBERS

    rows = [record.to_row() for record in records]
    names = dict.fromkeys(name for row in rows for name in row)
    return [
        {
            name: None if name in MISSING_NUMBERS and row[name] == "" else row.get(name)
            for name in names
        }
        for row in rows
    ]


def _print_summary(folder: Path, search: Search) -> None:
    first, last = search.records[0], search.records[-1]
    heads = [f"predicted ms, {device}" for device in first.latencies] or ["predicted ms"]
    rows = Table("", *heads, *first.metrics, "MACs", "parameters", box=None)
    for name, record in (("given", first), ("pruned", last)):
        rows.add_row(
            name,
            *map(_latency_text, record.latencies.values() or (record.latency,)),
            *(f"{value:.3f}" for value in record.metrics.values()),
            in_three_digits(record.macs),
            in_three_digits(record.params),
        )
    messages.print(rows)
    say(f"trajectory: {folder / 'trajectory.csv'}")


def _latency_text(latency: Interval | None) -> str:
    if latency is None:
        return "–"
    return f"{latency.value:.3g} ({latency.low:.3g} to {latency.high:.3g})"
