"""Options that several commands take, each described once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON, for machines.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Print only the result.")]
SeedOption = Annotated[int, typer.Option("--seed", help="Fixes every random choice.")]
ModelOption = Annotated[
    str,
    typer.Option(
        "--model",
        help="A network's name (fastdepth, a variant), a model or run folder, or "
        "package.module:function.",
    ),
]
DataOption = Annotated[
    str,
    typer.Option(
        "--data",
        help="A data set's folder, or 'rooms': rendered rooms, made on first use. Several with "
        "commas between: all are trained on, the first one's holdout judges.",
    ),
]
DataSetsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--data",
        help="A data set's folder, or 'rooms': rendered rooms, made on first use (the default). "
        "Repeatable: several count as one.",
    ),
]
ComputeOption = Annotated[
    str | None,
    typer.Option("--compute", help="Where to compute: cpu, cuda, cuda:N. A GPU when there is one."),
]
ThreadsOption = Annotated[
    int | None,
    typer.Option("--threads", min=1, help="Of the processor; default: the cores it may use."),
]
WorkersOption = Annotated[
    int | None,
    typer.Option(
        "--workers",
        min=1,
        metavar="N",
        help="Try N candidates at a time: in processes, one a GPU where there are GPUs; with --ray "
        "as tasks of the cluster. The result is the same. Default: one at a time, in this process.",
    ),
]
RayOption = Annotated[
    str | None,
    typer.Option(
        "--ray",
        metavar="ADDRESS",
        help="Try candidates on a Ray cluster: HOST:PORT of its head, auto (the one that this "
        "machine is in), or local (one that is started for this run).",
    ),
]
SizeOption = Annotated[
    str | None,
    typer.Option("--input-size", metavar="HxW", help="The network's input in pixels: 224x224."),
]
ShapeOption = Annotated[
    list[str] | None,
    typer.Option(
        "--input-shape",
        metavar="BxCxHxW",
        help="Of a network of your own: the shape of an input, once for each: 1x1x28x28.",
    ),
]
FreezeOption = Annotated[
    list[str] | None,
    typer.Option("--freeze", help="A channel group that keeps its width, or a glob; repeatable."),
]
MinWidthOption = Annotated[
    list[str] | None,
    typer.Option(
        "--min-width",
        metavar="GROUP=N",
        help="The least width of a group, or glob; repeatable.",
    ),
]
AutocastOption = Annotated[
    bool,
    typer.Option(
        "--autocast",
        help="Convolutions in bfloat16 (on a processor the pointwise ones): faster where the "
        "hardware knows it.",
    ),
]
MaxScaleOption = Annotated[
    float | None,
    typer.Option(
        "--max-scale",
        help="Training images are enlarged up to this, their depth divided by it, if not as the "
        "recipe says: the default one 1.1, the published one 1.5.",
    ),
]
ResumeOption = Annotated[bool, typer.Option("--resume", help="Continue a run that was stopped.")]
TensorboardOption = Annotated[
    bool,
    typer.Option("--tensorboard", help="Write the history as TensorBoard event files too."),
]
DeviceNameOption = Annotated[str, typer.Option("--device", "-d", help="The device's name.")]
ProfileOption = Annotated[
    Path | None, typer.Option("--profile", help="A device profile of your own, a TOML file.")
]
TrackerOption = Annotated[
    str | None,
    typer.Option("--tracker", metavar="HOST:PORT", help="The TVM RPC tracker.", show_default=False),
]
KeyOption = Annotated[
    str | None, typer.Option("--key", help="The name the device is registered under.")
]
OutOption = Annotated[Path, typer.Option("--out", help="The folder to write.")]


def parse_size(text: str | None) -> tuple[int, int] | None:
    """`HxW` or `N` in pixels; None stays None. Raises BadParameter for anything else."""
    if text is None:
        return None
    parts = text.lower().split("x")
    if len(parts) in (1, 2) and all(part.isdigit() and int(part) > 0 for part in parts):
        return (int(parts[0]), int(parts[-1]))
    raise typer.BadParameter(f"'{text}' is not a size; expected HEIGHTxWIDTH, as 224x224")


def parse_shapes(texts: list[str] | None) -> tuple[tuple[int, ...], ...] | None:
    """`1x3x224x224`, once for each input; None stays None. Raises BadParameter for others."""
    if not texts:
        return None
    shapes = []
    for text in texts:
        parts = text.lower().split("x")
        if not all(part.isdigit() and int(part) > 0 for part in parts):
            raise typer.BadParameter(f"'{text}' is not a shape; expected BxCxHxW, as 1x3x224x224")
        shapes.append(tuple(int(part) for part in parts))
    return tuple(shapes)


def parse_min_widths(texts: list[str] | None) -> dict[str, int]:
    """`GROUP=N` each. Raises BadParameter for anything else."""
    widths = {}
    for text in texts or []:
        group, _, width = text.rpartition("=")
        if not group or not width.isdecimal():
            raise typer.BadParameter(f"--min-width has '{text}'; expected GROUP=N, as conv1=16")
        widths[group] = int(width)
    return widths
