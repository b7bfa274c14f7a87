"""`netadapt predict`: what a network sees in photographs, folders of them, and videos."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import TaskID

from netadapt.cli.bar import Bar
from netadapt.cli.console import print_json, say
from netadapt.cli.options import ComputeOption, JsonOption, QuietOption

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Read = Callable[[], npt.NDArray[np.uint8]]


def predict(
    images: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="IMAGE…",
            help="Photographs of any size, folders of them, videos.",
            exists=True,
        ),
    ] = None,
    model: Annotated[
        str, typer.Option(help="A model or run folder, a shipped model, or .onnx file.")
    ] = "fastdepth-rooms",
    camera: Annotated[int | None, typer.Option(help="Take a picture with camera N.")] = None,
    focal_px: Annotated[
        float | None,
        typer.Option(
            help="The camera's focal length in pixels of these pictures; without it that of NYU "
            "Depth v2 is assumed, 1.08 times the shorter side."
        ),
    ] = None,
    crop: Annotated[
        bool,
        typer.Option("--crop", help="Show the network FastDepth's crop, not the whole picture."),
    ] = False,
    out: Annotated[Path, typer.Option("--out", help="The folder to write.")] = Path("predictions"),
    compute: ComputeOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Predict depth: a coloured PNG with a bar in metres, a 16-bit millimetre PNG, and a .npy.

    Of a video: NAME.depth.mp4, each frame beside its depth, and NAME/ with a millimetre PNG a
    frame; this needs the extra 'camera'.

    Example: netadapt predict kitchen.jpg --model runs/fastdepth-tx2-6ms --out depth

    With your camera's focal length: netadapt predict pictures/ --focal-px 1480
    """
    from netadapt.depth.data.pairing import pictures_in
    from netadapt.depth.data.rgbd_import import read_rgb
    from netadapt.depth.prediction.framings import CROP, WHOLE
    from netadapt.depth.prediction.photographs import (
        predict_image,
        prediction_files,
        read_camera,
        write_prediction,
    )
    from netadapt.depth.prediction.predictor import open_predictor
    from netadapt.depth.prediction.timed_predictor import TimedPredictor
    from netadapt.depth.prediction.videos import VIDEO_SUFFIXES, predict_video, video_files
    from netadapt.extras import needed
    from netadapt.training.compute import compute_device

    if not images and camera is None:
        raise typer.BadParameter("give photographs, a folder or a video, or --camera N")
    files = [
        file for path in images or [] for file in (pictures_in(path) if path.is_dir() else [path])
    ]
    videos = [file for file in files if file.suffix.lower() in VIDEO_SUFFIXES]
    photographs = [file for file in files if file not in videos]
    pictures: list[tuple[str, Read]] = [
        (path.stem, partial(read_rgb, path, upright=True)) for path in photographs
    ]
    if camera is not None:
        pictures.append((f"camera-{camera}", partial(read_camera, camera)))
    targets = [file for stem, _ in pictures for file in prediction_files(out, stem)]
    targets += [file for video in videos for file in video_files(out, video.stem)]
    _check_targets(files, targets)
    if videos:
        needed("cv2", "camera")  # said before anything is computed
    framing = CROP if crop else WHOLE
    predictor = TimedPredictor(open_predictor(model, compute_device(compute)))
    written: list[dict[str, Any]] = []
    begun = time.perf_counter()
    for stem, read in pictures:
        rgb = read()
        depth = predict_image(predictor, rgb, framing, focal_px, stem)
        found = write_prediction(depth, rgb, out, stem)
        written.append({"image": stem, "focal_px": focal_px, **_texts(found)})
        if not as_json:
            print(
                f"{found.coloured}: {found.least_m:.2f} to {found.most_m:.2f} m, median "
                f"{found.median_m:.2f} m"
            )
    per_second = len(pictures) / (time.perf_counter() - begun)
    for path in videos:
        with Bar(quiet=quiet or as_json) as bar:
            line = bar.add_task(f"frames of {path.name}", total=None)
            of_video = predict_video(
                predictor,
                path,
                out,
                framing=framing,
                focal_px=focal_px,
                progress=partial(_show, bar, line),
            )
        written.append({"video": path.stem, "focal_px": focal_px, **_texts(of_video)})
        if not as_json:
            print(
                f"{of_video.coloured}: {of_video.frames} frames, {of_video.frames_per_second:.1f} "
                f"a second; depths in {of_video.millimetres}"
            )
    if as_json:
        print_json([{**one, "network_frames_per_second": predictor.per_second} for one in written])
        return
    if pictures:
        say(f"{len(pictures)} pictures, {per_second:.1f} a second with their files", quiet=quiet)
    say(f"the network alone: {predictor.per_second:.1f} frames a second", quiet=quiet)
    if focal_px is None:
        say(
            "NYU's focal length was assumed, 1.08 times a picture's shorter side; metres grow with "
            "it: give your camera's with --focal-px",
            quiet=quiet,
        )


def _show(bar: Bar, line: TaskID, frames: int) -> None:
    bar.update(line, completed=frames)


def _check_targets(sources: Sequence[Path], targets: Sequence[Path]) -> None:
    """Raise BadParameter where a picture would be overwritten, or two would be one file."""
    resolved = {file.resolve() for file in targets}
    for path in sources:
        if path.resolve() in resolved:
            raise typer.BadParameter(f"{path} would be overwritten; choose another --out")
    twice = [file for file, count in Counter(targets).items() if count > 1]
    if twice:
        raise typer.BadParameter(
            f"several pictures would be written to {twice[0]}; give them one at a time, each with "
            f"its own --out"
        )


def _texts(written: Any) -> dict[str, Any]:
    """What was written as JSON has it."""
    return {
        key: str(value) if isinstance(value, Path) else value
        for key, value in vars(written).items()
    }
