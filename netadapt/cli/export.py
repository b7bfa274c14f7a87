"""`netadapt export`: a network as a file that other programs run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from netadapt.cli.common import JsonOption, QuietOption, print_json, results, say

FORMATS = ("onnx",)


def export(
    model: Annotated[
        str, typer.Argument(metavar="RUN|MODEL", help="A run or model folder, or a shipped model.")
    ],
    format: Annotated[str, typer.Option("--format", help="onnx.")] = "onnx",
    out: Annotated[
        Path | None, typer.Option(help="The file to write; default NAME.onnx here.")
    ] = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Export a network, batch norm folded, and check that the file computes the same.

    The ONNX file takes 'input' at batch 1 in float32 (for depth: RGB in [0, 1], [1, 3, H, W]) and
    gives 'output' (metres, [1, 1, H, W]). Further ones are called input_1, output_1, …

    Example: netadapt export runs/fastdepth-tx2-6ms --format onnx --out fastdepth.onnx
    """
    if format not in FORMATS:
        raise typer.BadParameter(f"'{format}' is no format; expected {', '.join(FORMATS)}")
    from netadapt.deploy.onnx_export import export_model

    say(f"exporting {model}", quiet=quiet or as_json)
    exported = export_model(model, out)
    if as_json:
        print_json({"model": model, **vars(exported), "tolerance": exported.tolerance})
        return
    shapes = ", ".join("×".join(map(str, shape)) for shape in exported.input_shapes)
    results.print(
        f"{exported.file}: input {shapes}, "
        f"{exported.size_bytes / 1e6:.1f} MB; differs from torch by at most "
        f"{exported.largest_difference:.2g} (allowed {exported.tolerance:.2g}, outputs reach "
        f"{exported.largest_output:.3g})",
        markup=False,
    )
