"""`netadapt predict`: what a network sees in photographs, folders of them, and videos."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
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

    from netadapt.depth.prediction.framings import Framing
    from netadapt.depth.prediction.timed_predictor import TimedPredictor

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
    ] = "fastdepth",
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
    from netadapt.depth.prediction.framings import CROP, WHOLE
    from netadapt.depth.prediction.predictor import open_predictor
    from netadapt.depth.prediction.timed_predictor import TimedPredictor
    from netadapt.extras import needed
    from netadapt.training.compute import compute_device

    if not images and camera is None:
        raise typer.BadParameter("give photographs, a folder or a video, or --camera N")
    pictures, videos = _sources(images or [], camera, out)
    if videos:
        needed("cv2", "camera")  # said before anything is computed
    predictor = TimedPredictor(open_predictor(model, compute_device(compute)))
    work = _Work(predictor, CROP if crop else WHOLE, focal_px, out, quiet, as_json)
    begun = time.perf_counter()
    written = [work.picture(stem, read) for stem, read in pictures]
    per_second = len(pictures) / (time.perf_counter() - begun)
    written += [work.video(path) for path in videos]
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


def _sources(
    images: Sequence[Path], camera: int | None, out: Path
) -> tuple[list[tuple[str, Read]], list[Path]]:
    """The pictures, each a name and what reads it, and the videos.

    Raises BadParameter where what is written of them would overwrite one, or another's.
    """
    from netadapt.depth.data.pairing import pictures_in
    from netadapt.depth.data.rgbd_import import read_rgb
    from netadapt.depth.prediction.photographs import prediction_files, read_camera
    from netadapt.depth.prediction.videos import VIDEO_SUFFIXES, video_files

    files = [file for path in images for file in (pictures_in(path) if path.is_dir() else [path])]
    videos = [file for file in files if file.suffix.lower() in VIDEO_SUFFIXES]
    pictures: list[tuple[str, Read]] = [
        (path.stem, partial(read_rgb, path, upright=True)) for path in files if path not in videos
    ]
    if camera is not None:
        pictures.append((f"camera-{camera}", partial(read_camera, camera)))
    targets = [file for stem, _ in pictures for file in prediction_files(out, stem)]
    targets += [file for video in videos for file in video_files(out, video.stem)]
    _check_targets(files, targets)
    return pictures, videos


@dataclass(frozen=True)
class _Work:
    """What is done with each picture and video; both give what they wrote, for JSON."""

    predictor: TimedPredictor
    framing: Framing
    focal_px: float | None
    out: Path
    quiet: bool
    as_json: bool

    def picture(self, stem: str, read: Read) -> dict[str, Any]:
        from netadapt.depth.prediction.photographs import predict_image, write_prediction

        rgb = read()
        depth = predict_image(self.predictor, rgb, self.framing, self.focal_px, stem)
        found = write_prediction(depth, rgb, self.out, stem)
        if not self.as_json:
            print(
                f"{found.coloured}: {found.least_m:.2f} to {found.most_m:.2f} m, median "
                f"{found.median_m:.2f} m"
            )
        return {"image": stem, "focal_px": self.focal_px, **_texts(found)}

    def video(self, path: Path) -> dict[str, Any]:
        from netadapt.depth.prediction.videos import predict_video

        with Bar(quiet=self.quiet or self.as_json) as bar:
            line = bar.add_task(f"frames of {path.name}", total=None)
            found = predict_video(
                self.predictor,
                path,
                self.out,
                framing=self.framing,
                focal_px=self.focal_px,
                progress=partial(_show, bar, line),
            )
        if not self.as_json:
            print(
                f"{found.coloured}: {found.frames} frames, {found.frames_per_second:.1f} a second; "
                f"depths in {found.millimetres}"
            )
        return {"video": path.stem, "focal_px": self.focal_px, **_texts(found)}


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
