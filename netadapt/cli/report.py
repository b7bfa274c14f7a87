"""`netadapt report`: a picture and a page of one or several runs, a picture of trainings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from netadapt.cli.console import print_json
from netadapt.cli.options import JsonOption, QuietOption


def report(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN…", help="Folders of pruning runs, or of trainings.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="One file to write: a .png, or of pruning runs an .html page. Default: "
            "RUN/trajectory.png and RUN/report.html, or history.png.",
        ),
    ] = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,  # as every command has; the result is all that this one says
) -> None:
    """Draw the trajectories of runs: accuracy against latency, and the widths of the first.

    The page has the picture too, and every iteration, proposal and setting; it is one file. Of
    trainings: the loss and the holdout's metrics, epoch by epoch.

    Example: netadapt report runs/fastdepth-tx2-6ms

    Several runs on a page: netadapt report runs/a runs/b --out compared.html
    """
    from netadapt.depth.training.history_plot import draw_histories
    from netadapt.report.page import write_page
    from netadapt.report.trajectory_plot import draw_trajectories
    from netadapt.training.training_folder import is_training

    trainings = all(is_training(run) for run in runs)
    if out is not None and out.suffix == ".html" and trainings:
        raise typer.BadParameter("a page is of pruning runs; a training gets a .png")
    if out is not None:
        files = [out]
    elif trainings:
        files = [runs[0] / "history.png"]
    else:
        files = [runs[0] / "trajectory.png", runs[0] / "report.html"]
    draw = draw_histories if trainings else draw_trajectories
    for file in files:
        (write_page if file.suffix == ".html" else draw)(runs, file)
    if as_json:
        kinds = ["page" if file.suffix == ".html" else "picture" for file in files]
        print_json(dict(zip(kinds, map(str, files), strict=True)))
        return
    for file in files:
        print(file)
