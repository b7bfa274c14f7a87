"""`netadapt export`: a network in a form that other programs run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from netadapt.cli.console import print_json, results, say
from netadapt.cli.options import (
    JsonOption,
    KeyOption,
    ProfileOption,
    QuietOption,
    TrackerOption,
    TrustOption,
)


def export(
    model: Annotated[
        str, typer.Argument(metavar="RUN|MODEL", help="A run or model folder, or a shipped model.")
    ],
    format: Annotated[
        str, typer.Option("--format", help="onnx; tvm: a bundle; pytorch: a file of Python.")
    ] = "onnx",
    out: Annotated[
        Path | None,
        typer.Option(
            help="What to write; default here: NAME.onnx or NAME-int8.onnx, or the folder "
            "NAME-DEVICE or NAME-pytorch."
        ),
    ] = None,
    dynamic_batch: Annotated[
        bool,
        typer.Option("--dynamic-batch", help="onnx: any number of images at a time, not one."),
    ] = False,
    precision: Annotated[
        str, typer.Option("--precision", help="onnx: float32, float16 or int8.")
    ] = "float32",
    data: Annotated[
        str | None,
        typer.Option(help="The task's data to judge a precision on, if not the run's own."),
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(help="If not the run's own: its name, or package.module:function."),
    ] = None,
    max_loss: Annotated[
        float | None,
        typer.Option(
            "--max-loss",
            help="How far the task's first metric may fall, default 0.01; the few layers that hurt "
            "stay in float32.",
        ),
    ] = None,
    device: Annotated[
        str | None, typer.Option("--device", "-d", help="tvm: the device to compile for.")
    ] = None,
    profile: ProfileOption = None,
    tracker: TrackerOption = None,
    key: KeyOption = None,
    unchecked: Annotated[
        bool,
        typer.Option(
            "--unchecked", help="tvm: compile without the device; the bundle's run.py compares."
        ),
    ] = False,
    trust_factory: TrustOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Export a network, batch norm folded, and check that the file computes the same.

    The ONNX file takes 'input' at batch 1 in float32 (for depth: RGB in [0, 1], [1, 3, H, W]) and
    gives 'output' (metres, [1, 1, H, W]). Several inputs are called as the forward's parameters;
    outputs as the keys of a dict, or output, output_1, … of a tuple.

    In float16 or int8 it is judged on the task's holdout, whose images calibrate int8, and told
    beside float32: --data and --task, if not those of the run (a model folder: depth in rooms).

    A TVM bundle is a folder to copy to the device: the compiled network and a run.py that compares
    it with torch, times it and runs it there, with tvm and numpy alone.

    PyTorch is a folder too: the weights, and a network.py that builds the network without netadapt.

    Example: netadapt export runs/fastdepth-tx2-6ms --format onnx --out fastdepth.onnx

    Example: netadapt export runs/fastdepth-tx2-6ms --precision int8 --data nyudepthv2

    Example: netadapt export runs/fastdepth-tx2-6ms --format tvm --device tx2
    """
    from netadapt.deploy.base import ExportRequest
    from netadapt.deploy.registry import export as export_as
    from netadapt.pruning.task_of_model import task_of_model

    product = export_as(
        format,
        ExportRequest(
            model,
            out,
            device=device,
            profile=profile,
            tracker=tracker,
            key=key,
            unchecked=unchecked,
            find_task=lambda: task_of_model(model, task, data, ("depth", "rooms")),
            dynamic_batch=dynamic_batch,
            precision=precision,
            task=task,
            data=data,
            max_loss=max_loss,
            say=lambda text: say(text, quiet=quiet or as_json),
        ),
    )
    if as_json:
        print_json({"model": model, "format": format, **product.facts})
        return
    results.print(product.told, markup=False)
    for row in product.table:
        cells = "".join(f" {cell:>14}" for cell in row[1:])
        results.print(f"  {row[0]:<18}{cells}", markup=False)
    if product.following:
        say(f"next: {product.following}", quiet=quiet)
