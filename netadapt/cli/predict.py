"""`netadapt predict`: what a network sees in photographs."""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from netadapt.cli.console import print_json
from netadapt.cli.options import ComputeOption, JsonOption, QuietOption


def predict(
    images: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="IMAGE…", help="Photographs of any size.", exists=True, dir_okay=False
        ),
    ] = None,
    model: Annotated[
        str, typer.Option(help="A model or run folder, a shipped model, or .onnx file.")
    ] = "fastdepth-rooms",
    camera: Annotated[int | None, typer.Option(help="Take a picture with camera N.")] = None,
    out: Annotated[Path, typer.Option("--out", help="The folder to write.")] = Path("predictions"),
    compute: ComputeOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,  # as every command has; the result is all that this one says
) -> None:
    """Predict depth: a coloured PNG with a bar in metres, a 16-bit millimetre PNG, and a .npy.

    Example: netadapt predict kitchen.jpg --model runs/fastdepth-tx2-6ms --out depth
    """
    from netadapt.depth.data.rgbd_import import read_rgb
    from netadapt.depth.prediction.photographs import (
        predict_image,
        prediction_files,
        read_camera,
        write_prediction,
    )
    from netadapt.depth.prediction.predictor import open_predictor
    from netadapt.training.compute import compute_device

    if not images and camera is None:
        raise typer.BadParameter("give photographs, or --camera N")
    photographs = images or []
    pictures = [(path.stem, partial(read_rgb, path, upright=True)) for path in photographs]
    if camera is not None:
        pictures.append((f"camera-{camera}", partial(read_camera, camera)))
    targets = Counter(file for stem, _ in pictures for file in prediction_files(out, stem))
    resolved = {file.resolve() for file in targets}
    for path in photographs:
        if path.resolve() in resolved:
            raise typer.BadParameter(f"{path} would be overwritten; choose another --out")
    twice = [file for file, count in targets.items() if count > 1]
    if twice:
        raise typer.BadParameter(
            f"several pictures would be written to {twice[0]}; give them one at a time, each with "
            f"its own --out"
        )
    predictor = open_predictor(model, compute_device(compute))
    written = []
    for stem, read in pictures:
        rgb = read()
        files = write_prediction(predict_image(predictor, rgb), rgb, out, stem)
        written.append({"image": stem, **{k: str(v) for k, v in vars(files).items()}})
        if not as_json:
            print(
                f"{files.coloured}: {files.least_m:.2f} to {files.most_m:.2f} m, median "
                f"{files.median_m:.2f} m"
            )
    if as_json:
        print_json(written)
