"""`netadapt prune`: the main job, with the feasibility table, progress and the resume command."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from netadapt.cli.bar import Bar
from netadapt.cli.common import JsonOption, QuietOption, SeedOption, messages, print_json, say
from netadapt.cli.options import (
    ComputeOption,
    DataOption,
    KeyOption,
    ProfileOption,
    ResumeOption,
    ShapeOption,
    SizeOption,
    TrackerOption,
    parse_shapes,
    parse_size,
)
from netadapt.errors import DeviceError
from netadapt.pruning.callbacks import TimeLeft, Watcher
from netadapt.pruning.records import metric_columns

if TYPE_CHECKING:
    from netadapt.pruning.feasibility import Reach
    from netadapt.pruning.job import PruneJob
    from netadapt.pruning.proposals import Proposal
    from netadapt.pruning.step import Step


def prune(
    context: typer.Context,
    budget_ms: Annotated[
        float | None, typer.Option(help="The latency to reach, in milliseconds.")
    ] = None,
    device: Annotated[
        str, typer.Option(help="The device whose lookup table counts, or a table's CSV.")
    ] = "tx2",
    model: Annotated[
        str,
        typer.Option(help="fastdepth, a variant, a model folder, or package.module:function."),
    ] = "fastdepth",
    weights: Annotated[
        str | None,
        typer.Option(help="A model folder, a shipped model, .pth.tar or .npz."),
    ] = None,
    data: DataOption = "rooms",
    task: Annotated[
        str | None,
        typer.Option(help="package.module:function that gives the task; depth without one."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The run's folder; default runs/MODEL-DEVICE-BUDGETms.")
    ] = None,
    resume: ResumeOption = False,
    strategy: Annotated[
        str, typer.Option(help="full: every proposal is fine-tuned and evaluated.")
    ] = "full",
    finetune_steps: Annotated[
        int, typer.Option(help="Short-term fine-tuning steps of every proposal.")
    ] = 3,
    learning_rate: Annotated[float, typer.Option(help="Of the short-term fine-tuning.")] = 3e-4,
    batch_size: Annotated[int, typer.Option(help="Images a fine-tuning step.")] = 8,
    holdout_images: Annotated[
        int, typer.Option(help="Images every proposal is evaluated on, spread over the holdout.")
    ] = 32,
    input_size: SizeOption = None,
    input_shapes: ShapeOption = None,
    width_multiple: Annotated[int, typer.Option(help="Widths are multiples of this.")] = 8,
    first_reduction: Annotated[
        float, typer.Option(help="What the first step must save, as a share of the latency.")
    ] = 0.025,
    decay: Annotated[float, typer.Option(help="How the share shrinks each step.")] = 0.98,
    compute: ComputeOption = None,
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
) -> None:
    """Prune a trained network until it meets a latency budget on a device.

    Example: netadapt prune --budget-ms 6 --device tx2
    """
    from netadapt.pruning.job import PruneJob, measuring_profile, prepare, run_job
    from netadapt.pruning.run_folder import read_run
    from netadapt.report.trajectory_plot import read_trajectory
    from netadapt.training.allocator import keep_freed_memory

    if strategy != "full":
        raise typer.BadParameter(f"the strategy is '{strategy}'; expected full")
    given: dict[str, Any] = {
        "budget_ms": budget_ms,
        "device": device,
        "model": model,
        "weights": weights,
        "data": data,
        "task": task,
        "input_size": parse_size(input_size),
        "input_shapes": parse_shapes(input_shapes),
        "finetune_steps": finetune_steps,
        "learning_rate": learning_rate,
        "batch_size": batch_size,
        "holdout_images": holdout_images,
        "first_reduction": first_reduction,
        "decay": decay,
        "width_multiple": width_multiple,
        "compute": compute,
        "on_demand": on_demand,
        "profile": None if profile is None else str(profile),
        "tracker": tracker,
        "key": key,
        "seed": seed,
    }
    if resume and out is not None and (out / "run.json").exists():
        spoken = {name: value for name, value in given.items() if _was_given(context, name)}
        given = {**read_run(out)["arguments"], **spoken}
    if given["budget_ms"] is None:
        raise typer.BadParameter("give the latency to reach: --budget-ms 6")
    job = PruneJob.from_json(given)
    folder = out or Path("runs") / _run_name(job)
    quiet = quiet or as_json
    if (device_profile := measuring_profile(job)) is not None:
        for advice in device_profile.fix_first:
            say(f"first, on {device_profile.name}: {advice}", quiet=quiet)
    with Bar(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[left]}"),
        TimeElapsedColumn(),
        quiet=quiet,
    ) as progress:
        watcher = _Shown(progress, quiet)
        keep_freed_memory()
        prepared = prepare(job, lambda text: say(text, quiet=quiet), watcher.rendering)
        steps = run_job(job, prepared, folder, resume=resume, watcher=watcher)
        try:
            for _ in steps:
                pass
        except KeyboardInterrupt:
            begun = (folder / "run.json").exists()
            again = f"netadapt prune --resume --out {folder}" if begun else "the same command"
            say(f"stopped; continue with: {again}")
            raise
        except DeviceError as error:
            raise DeviceError(
                f"{error}; to go on, run the same command again with --resume"
            ) from error
    trajectory = read_trajectory(folder)
    if as_json:
        print_json({"run": str(folder), "trajectory": trajectory.to_dict("records")})
        return
    if watcher.layers_measured:
        say(
            f"measured {watcher.layers_measured} layers that the table lacked, and added them",
            quiet=quiet,
        )
    _print_summary(folder, trajectory, prepared.task.metrics)
    if job.task is None:
        say(f"next: netadapt finetune {folder}, to win back what short-term fine-tuning left")


class _Shown(Watcher):
    """Shows a search on the terminal: what it is doing and how long is left."""

    def __init__(self, progress: Bar, quiet: bool) -> None:
        self._progress = progress
        self._quiet = quiet
        self._line: TaskID | None = None
        self._left = TimeLeft()
        self._iteration = ""
        self.layers_measured = 0

    def rendering(self, done: int, total: int) -> None:
        """Rooms are being rendered."""
        self._show("rendering rooms", done, total, "")
        if done == total:
            self._close()

    def table(self, description: str) -> None:
        say(description, quiet=self._quiet)

    def feasible(self, reaches: list[Reach], iterations: int) -> None:
        table = Table("widths", "predicted ms", "90 % interval", "MACs", "parameters", box=None)
        for reach in reaches:
            table.add_row(
                reach.name,
                f"{reach.latency_ms:.3g}",
                f"{reach.low_ms:.3g} to {reach.high_ms:.3g}",
                f"{reach.macs / 1e9:.3f} G",
                f"{reach.params / 1e6:.2f} M",
            )
        if not self._quiet:
            messages.print(table)
        say(f"the budget needs about {iterations} iterations", quiet=self._quiet)

    def measured(self, layer: str, latency_ms: float, done: int, most: int) -> None:
        self.layers_measured += 1
        self._show(f"measured {layer}: {latency_ms:.3g} ms", done, most, "")

    def note(self, text: str) -> None:
        say(text, quiet=self._quiet)

    def iteration(self, iteration: int, latency_ms: float, target_ms: float, left: int) -> None:
        self._iteration = f"iteration {iteration}: {latency_ms:.3g} → {target_ms:.3g} ms"
        self._left.iteration(left)

    def candidate(self, proposal: Proposal, index: int, count: int) -> None:
        what = f"fine-tuning {proposal.group} {proposal.width_before}→{proposal.width_after}"
        left = self._left.candidate(index, count)
        self._show(f"{self._iteration}, {what}", index, count, left)

    def chosen(self, step: Step) -> None:
        row = step.row
        say(
            f"{row['iteration']:>3}  {row['group']:<16} {row['width_before']:>4} → "
            f"{row['width_after']:<4} {row['latency_ms']:6.3f} ms  "
            + "  ".join(f"{name} {row[name]:.3f}" for name in metric_columns(row)),
            quiet=self._quiet,
        )

    def _show(self, what: str, done: int, total: int, left: str) -> None:
        if self._line is None:
            self._line = self._progress.add_task(what, total=total, left=left)
        self._progress.update(self._line, description=what, completed=done, total=total, left=left)

    def _close(self) -> None:
        if self._line is not None:
            self._progress.remove_task(self._line)
            self._line = None


def _was_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _run_name(job: PruneJob) -> str:
    model = Path(job.model.replace(":", ".")).name
    return f"{model}-{Path(job.device).stem}-{job.budget_ms:g}ms"


def _print_summary(folder: Path, trajectory: Any, metrics: tuple[str, ...]) -> None:
    first, last = trajectory.iloc[0], trajectory.iloc[-1]
    rows = Table("", "predicted ms", *metrics, "MACs", "parameters", box=None)
    for name, row in (("given", first), ("pruned", last)):
        rows.add_row(
            name,
            "{latency_ms:.3g} ({latency_low_ms:.3g} to {latency_high_ms:.3g})".format(**row),
            *(f"{row[metric]:.3f}" for metric in metrics),
            f"{row['macs'] / 1e9:.3f} G",
            f"{row['params'] / 1e6:.2f} M",
        )
    messages.print(rows)
    say(f"trajectory: {folder / 'trajectory.csv'}")
