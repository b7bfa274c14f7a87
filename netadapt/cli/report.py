"""`netadapt report`: a picture of one or several runs or trainings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from netadapt.cli.common import JsonOption, QuietOption, print_json, say


def report(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN…", help="Folders of pruning runs, or of trainings.")
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", help="The PNG; default RUN/trajectory.png, or history.png."),
    ] = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Draw the trajectories of runs: accuracy against latency, and the widths of the first.

    Of trainings: the loss and the holdout's metrics, epoch by epoch.

    Example: netadapt report runs/fastdepth-tx2-6ms
    """
    from netadapt.report.history import draw_histories, is_training
    from netadapt.report.trajectory import draw_trajectories

    trainings = all(is_training(run) for run in runs)
    target = out or runs[0] / ("history.png" if trainings else "trajectory.png")
    (draw_histories if trainings else draw_trajectories)(runs, target)
    if as_json:
        print_json({"picture": str(target)})
    else:
        say(f"{target}", quiet=quiet)
