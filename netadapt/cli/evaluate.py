"""`netadapt evaluate` and `netadapt predict`: what a network is worth, and what it sees."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from netadapt.cli.common import JsonOption, QuietOption, messages, print_json, results, say
from netadapt.cli.options import ComputeOption, DataOption

ModelArgument = Annotated[
    str,
    typer.Argument(metavar="MODEL", help="A model or run folder, a shipped model, or .onnx file."),
]


def evaluate(
    model: ModelArgument,
    data: DataOption = "rooms",
    split: Annotated[str, typer.Option(help="train, holdout or val.")] = "val",
    csv: Annotated[Path | None, typer.Option(help="Write every metric of every image.")] = None,
    worst: Annotated[Path | None, typer.Option(help="Draw the worst images into this PNG.")] = None,
    worst_count: Annotated[int, typer.Option(help="How many of them.")] = 8,
    batch_size: Annotated[int, typer.Option(help="Images at a time.")] = 16,
    compute: ComputeOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Evaluate a depth network on a data set.

    Example: netadapt evaluate runs/fastdepth-tx2-6ms --data nyudepthv2 --worst worst.png
    """
    from netadapt.data.opening import open_depth_data
    from netadapt.deploy.predictor import open_predictor
    from netadapt.training.evaluation import PROTOCOL, save_rows, save_worst
    from netadapt.training.evaluation import evaluate as evaluate_network
    from netadapt.training.opening import compute_device, data_folder

    predictor = open_predictor(model, compute_device(compute))
    source = open_depth_data(data_folder(data), split)
    with Progress(console=messages, disable=quiet or as_json, transient=True) as bar:
        line = bar.add_task(f"evaluating {len(source)} images", total=len(source))
        rows = evaluate_network(
            predictor,
            source,
            batch_size=batch_size,
            progress=lambda done, _: bar.update(line, completed=done),
        )
    if csv is not None:
        save_rows(rows, csv)
    if worst is not None:
        save_worst(predictor, source, rows, worst, worst_count)
    means = rows.mean()
    if as_json:
        print_json({"model": model, "data": data, "split": split, "images": len(rows), **means})
        return
    results.print(f"{model} on {len(rows)} images of {data} ({split})", markup=False)
    for name, value in means.items():
        results.print(f"  {name:<16} {value:9.4f}", markup=False)
    say(PROTOCOL, quiet=quiet)


def predict(
    images: Annotated[
        list[Path] | None, typer.Argument(metavar="IMAGE…", help="Photographs of any size.")
    ] = None,
    model: Annotated[
        str, typer.Option(help="A model or run folder, a shipped model, or .onnx file.")
    ] = "fastdepth-rooms",
    camera: Annotated[int | None, typer.Option(help="Take a picture with camera N.")] = None,
    out: Annotated[Path, typer.Option("--out", help="The folder to write.")] = Path("predictions"),
    compute: ComputeOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Predict depth: a coloured PNG with a bar in metres, a 16-bit millimetre PNG, and a .npy.

    Example: netadapt predict kitchen.jpg --model runs/fastdepth-tx2-6ms --out depth
    """
    from netadapt.data.importing import read_rgb
    from netadapt.deploy.prediction import predict_image, read_camera, write_prediction
    from netadapt.deploy.predictor import open_predictor
    from netadapt.training.opening import compute_device

    if not images and camera is None:
        raise typer.BadParameter("give photographs, or --camera N")
    predictor = open_predictor(model, compute_device(compute))
    pictures = {path.stem: read_rgb(path) for path in images or []}
    if camera is not None:
        pictures[f"camera-{camera}"] = read_camera(camera)
    written = []
    for stem, rgb in pictures.items():
        files = write_prediction(predict_image(predictor, rgb), rgb, out, stem)
        written.append({"image": stem, **{k: str(v) for k, v in vars(files).items()}})
        if not as_json:
            say(
                f"{files.coloured}: {files.least_m:.2f} to {files.most_m:.2f} m, median "
                f"{files.median_m:.2f} m",
                quiet=quiet,
            )
    if as_json:
        print_json(written)
