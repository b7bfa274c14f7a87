"""Assembles the commands: which there are, and the options that stand before any."""

from __future__ import annotations

import sys

import typer

from netadapt.cli import (
    bench,
    data,
    evaluate,
    export,
    finetune,
    lut,
    models,
    plan,
    predict,
    prune,
    report,
    train,
)
from netadapt.cli.console import run_app
from netadapt.cores import wait_without_spinning
from netadapt.version import __version__

app = typer.Typer(
    name="netadapt",
    help="Fit a trained CNN to a millisecond budget on a real device.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(prune.prune)
app.command()(plan.plan)
app.command()(train.train)
app.command()(finetune.finetune)
app.command()(evaluate.evaluate)
app.command()(predict.predict)
app.command()(export.export)
app.command()(bench.bench)
app.command()(report.report)
app.add_typer(data.app, name="data")
app.add_typer(lut.app, name="lut")
app.add_typer(models.app, name="models")


def _version(show: bool) -> None:
    if show:
        print(f"netadapt {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True),
    debug: bool = typer.Option(False, "--debug", help="Show the traceback of an error."),
) -> None:
    """Options that stand before or after any command."""


def main() -> None:
    """Entry point of the console script."""
    wait_without_spinning()
    sys.exit(run_app(app))
