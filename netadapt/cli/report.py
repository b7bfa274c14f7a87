"""`netadapt report`: pages and pictures of runs, of trainings and of lookup tables."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from netadapt.cli.console import print_json, say
from netadapt.cli.options import JsonOption, QuietOption, TrustOption


def report(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN…",
            help="Folders of pruning runs, or of trainings; or lookup tables, as CSVs or devices.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="One file to write: an .html page, or of runs and trainings a .png. Default: "
            "RUN/trajectory.png (of trainings history.png) and RUN/report.html, or "
            "DEVICE.report.html.",
        ),
    ] = None,
    text: Annotated[
        bool, typer.Option("--text", help="Print the trajectory of pruning runs; write nothing.")
    ] = False,
    trust_factory: TrustOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Write a page about runs: accuracy against latency, widths, layers, and what comes next.

    The page is one file that loads nothing: with every iteration, proposal and setting, each
    layer's milliseconds, and sample images where the data are here. Of trainings: the loss and the
    holdout's metrics, epoch by epoch. Of a lookup table: its rows, and how well it predicts.

    Example: netadapt report runs/fastdepth-tx2-6ms

    Several runs on a page: netadapt report runs/a runs/b --out compared.html

    In the terminal: netadapt report runs/fastdepth-tx2-6ms --text
    """
    from netadapt.depth.training.metrics import METRIC_WORDS
    from netadapt.report.report_kinds import PRUNING, kind_of, write_report

    if text and (as_json or out is not None):
        raise typer.BadParameter("--text prints and writes no file; leave out --json and --out")
    kind = kind_of(runs)
    if text:
        if kind is not PRUNING:
            raise typer.BadParameter("--text is of pruning runs")
        _print_text(runs)
        return
    say("reading, and drawing what the page shows", quiet=quiet or as_json)
    files = write_report(runs, None if out is None else [out], METRIC_WORDS)
    if as_json:
        kinds = ["page" if file.suffix == ".html" else "picture" for file in files]
        print_json(dict(zip(kinds, map(str, files), strict=True)))
        return
    for file in files:
        print(file)


def _print_text(runs: list[Path]) -> None:
    from netadapt.report.run_on_disk import RunOnDisk
    from netadapt.report.trajectory_text import trajectory_text

    print("\n\n".join(trajectory_text(RunOnDisk.read(run)) for run in runs))
