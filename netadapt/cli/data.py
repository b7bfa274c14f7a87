"""`netadapt data`: bring in, check, list and pack sets of RGB-D images."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

from netadapt.cli.bar import Bar
from netadapt.cli.console import print_json, results, say
from netadapt.cli.options import ComputeOption, JsonOption, QuietOption, SeedOption
from netadapt.cores import usable_cores

if TYPE_CHECKING:
    from netadapt.depth.data.inspection import SplitCheck

app = typer.Typer(
    help="Sets of RGB images with depth: NYU Depth v2, your own pairs, rendered rooms.\n\n"
    "NYU Depth v2 as FastDepth reads it (32 GB): "
    "http://datasets.lids.mit.edu/fastdepth/data/nyudepthv2.tar.gz; "
    "unpack it and give the folder nyudepthv2.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

SetArgument = Annotated[Path, typer.Argument(metavar="DIR", help="The folder of a data set.")]
SourceArgument = Annotated[Path, typer.Argument(metavar="SRC", help="The folder to read.")]
ImportedArgument = Annotated[
    Path,
    typer.Argument(metavar="SRC", help="A folder of images, or nyu_depth_v2_labeled.mat."),
]
TargetArgument = Annotated[Path, typer.Argument(metavar="DST", help="The new folder to write.")]

SHOWN = 20
"""Broken files listed without --json."""


@app.command("import")
def import_pairs(
    source: ImportedArgument,
    target: TargetArgument,
    rgb: Annotated[
        str | None, typer.Option(help="Glob below SRC of the RGB images, with --depth.")
    ] = None,
    depth: Annotated[
        str | None, typer.Option(help="Glob below SRC of the depth images, with --rgb.")
    ] = None,
    associations: Annotated[
        Path | None,
        typer.Option(help="A list of pairs, a line each, as TUM's: time rgb/NAME time depth/NAME."),
    ] = None,
    depth_scale: Annotated[
        float | None,
        typer.Option(help="Units a metre in the depth images; default 1000: millimetres."),
    ] = None,
    rotated: Annotated[
        bool | None,
        typer.Option(
            "--rotated-bits/--plain-bits",
            help="Depth's bits are rotated by three, as SUN RGB-D's, or not; default: as the "
            "values show.",
        ),
    ] = None,
    invalid: Annotated[
        list[int] | None,
        typer.Option(help="A value that means no depth, besides 0; repeatable. Default 65535."),
    ] = None,
    split: Annotated[
        Path | None,
        typer.Option(
            metavar="CSV",
            help="Which images are to train on and which to test: a CSV with the columns file, "
            "split (train or test; holdout too) and, if known, scene.",
        ),
    ] = None,
    intrinsics: Annotated[
        Path | None,
        typer.Option(
            metavar="TXT",
            help="The camera's matrix at the RGB images' size, nine numbers, or fx fy cx cy; its "
            "focal length is carried, and corrected for in training and evaluation.",
        ),
    ] = None,
    splits: Annotated[
        Path | None,
        typer.Option(metavar="MAT", help="Of nyu_depth_v2_labeled.mat: the official splits.mat."),
    ] = None,
    all_as: Annotated[
        str | None,
        typer.Option(
            metavar="SPLIT",
            help="Of nyu_depth_v2_labeled.mat without --splits: take all images as train (some "
            "scenes of it held out), holdout or val.",
        ),
    ] = None,
    holdout: Annotated[
        float | None,
        typer.Option(
            help="Share held out for evaluation: the last part in time, default 0.3; where a split "
            "is given, whole scenes of the training images, default 0.1.",
            show_default=False,
        ),
    ] = None,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Bring in a folder of RGB images with 16-bit depth images, or NYU's own labelled file.

    Depth is PNG, PGM or TIFF. Pairs are found by name (frame-7.color.jpg with
    frame-7.depth.png, color/1.png with depth/1.pgm) or by the times in the names; --rgb and
    --depth say which they are where that fails. Depth must be registered to RGB. Writes
    FastDepth's HDF5 layout.

    Example: netadapt data import recordings/kitchen data/kitchen --holdout 0.3

    With a split of its own: netadapt data import nyu data/nyu --split nyu/split.csv

    NYU's own: netadapt data import nyu_depth_v2_labeled.mat data/nyu --splits splits.mat
    """
    from netadapt.depth.data.mat_import import import_labeled_mat
    from netadapt.depth.data.rgbd_import import (
        DEFAULT_INVALID,
        MILLIMETRES,
        DepthEncoding,
        import_folder,
    )

    of_a_folder: dict[str, Any] = {
        "rgb": rgb,
        "depth": depth,
        "associations": associations,
        "split": split,
        "intrinsics": intrinsics,
        "depth-scale": depth_scale,
        "plain-bits" if rotated is False else "rotated-bits": rotated,
        "invalid": invalid,
    }
    of_a_file: dict[str, Any] = {"splits": splits, "all-as": all_as}
    with _resumable(quiet), _bar("importing", quiet or as_json) as progress:
        if source.is_file():
            _refuse(of_a_folder, "a folder of pairs", source)
            imported = import_labeled_mat(
                source,
                target,
                splits=splits,
                all_as=all_as,
                holdout=holdout,
                seed=seed,
                progress=progress,
            )
        else:
            _refuse(of_a_file, "nyu_depth_v2_labeled.mat", source)
            imported = import_folder(
                source,
                target,
                rgb_glob=rgb,
                depth_glob=depth,
                associations=associations,
                split_file=split,
                intrinsics=intrinsics,
                encoding=DepthEncoding(
                    MILLIMETRES if depth_scale is None else depth_scale,
                    DEFAULT_INVALID if invalid is None else tuple(invalid),
                    rotated,
                ),
                holdout=holdout,
                seed=seed,
                progress=progress,
            )
    in_time = source.is_dir() and split is None
    if as_json:
        counts = {**asdict(imported), **({"val": "holdout"} if in_time else {})}
        print_json({"data": str(target), **counts})
        return
    if imported.alone:
        say(
            f"left out {len(imported.alone)} images without a partner, the first "
            f"{imported.alone[0]}",
            quiet=quiet,
        )
    val = f", {imported.val} to evaluate on (val)"
    if in_time:
        val = " (they are the set's val too)" if imported.holdout else ""
    print(
        f"{target}: {imported.train} pairs to train on, {imported.holdout} held out{val}, median "
        f"depth {imported.median_depth_m:.2f} m"
    )
    say(f"next: netadapt data check {target}", quiet=quiet)


def _refuse(options: dict[str, Any], those_of: str, source: Path) -> None:
    """Raise BadParameter for an option that was given and isn't for a source as `source`."""
    for name, value in options.items():
        if value is not None:
            raise typer.BadParameter(f"--{name} is for {those_of}, and not for {source}")


@app.command()
def rooms(
    target: TargetArgument,
    scenes: Annotated[int, typer.Option(help="Rooms to draw; no two splits share one.")] = 500,
    frames_per_scene: Annotated[int, typer.Option(help="Pictures of each room.")] = 4,
    seed: SeedOption = 0,
    packed: Annotated[
        bool, typer.Option("--packed", help="Write a packed set, 250 pixels high, not HDF5.")
    ] = False,
    without: Annotated[
        list[str] | None,
        typer.Option(help="A part of the renderer to leave out, such as textures; repeatable."),
    ] = None,
    field_of_view: Annotated[
        str | None,
        typer.Option(
            metavar="LOW-HIGH",
            help="Draw each room's lens, from LOW to HIGH degrees across, as 45-90; its focal "
            "length is carried. Default: all have NYU's, 63.",
        ),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes; default one a core.")
    ] = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Render random indoor scenes with depth, to learn from without photographs.

    Written in FastDepth's HDF5 layout (about 1.5 MB a picture), or with --packed ready to train
    from (0.4 MB). The same seed gives the same bytes: a killed run is continued by the same
    command, and a finished set is enlarged by the same command with more scenes.

    Example: netadapt data rooms data/rooms --scenes 2000 --seed 1

    Through lenses of all kinds: netadapt data rooms data/lenses --field-of-view 45-90
    """
    from netadapt.depth.rooms import RENDERER_VERSION, write_rooms, write_rooms_pack

    write = write_rooms_pack if packed else write_rooms
    view = _parse_view(field_of_view)
    with _resumable(quiet), _bar("rendering", quiet or as_json) as progress:
        counts = write(
            target,
            scenes=scenes,
            frames_per_scene=frames_per_scene,
            seed=seed,
            workers=workers or usable_cores(),
            without=without or (),
            field_of_view_deg=view,
            progress=progress,
        )
    if as_json:
        made: dict[str, Any] = {
            "rendered": True,
            "renderer": RENDERER_VERSION,
            "seed": seed,
            "scenes": scenes,
        }
        made["without"] = without or []
        made["field_of_view_deg"] = view
        print_json({"data": str(target), **made, "images": counts})
        return
    listed = ", ".join(f"{split} {count}" for split, count in counts.items())
    print(f"{target}: rendered rooms; {listed}")


def _parse_view(text: str | None) -> tuple[float, float] | None:
    """`LOW-HIGH` in degrees; None stays None. Raises BadParameter for anything else."""
    if text is None:
        return None
    low, _, high = text.partition("-")
    try:
        return float(low), float(high)
    except ValueError:
        raise typer.BadParameter(
            f"--field-of-view has '{text}'; expected LOW-HIGH in degrees, as 45-90"
        ) from None


@app.command()
def index(
    folder: SetArgument,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the lists; default DIR itself.")
    ] = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Write train.txt, holdout.txt and val.txt: the absolute path of every HDF5 file.

    Example: netadapt data index data/nyudepthv2 --out lists
    """
    from netadapt.depth.data.hdf5_pairs import write_lists

    counts = write_lists(folder, out)
    where = out or folder
    if as_json:
        print_json({str(where / f"{split}.txt"): count for split, count in counts.items()})
        return
    for split, count in counts.items():
        print(f"{where / f'{split}.txt'}: {count} files")
    if not counts["holdout"]:
        say(
            "no holdout: fewer than 10 scenes, and none has a file named 00001.h5 or 00201.h5",
            quiet=quiet,
        )


@app.command()
def check(
    folder: SetArgument,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes for a large set; default one a core.")
    ] = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Read every file of a data set: counts, shapes, ranges; names each broken one (exit code 2).

    Example: netadapt data check data/nyudepthv2
    """
    from netadapt.depth.data.inspection import check_data
    from netadapt.errors import DataError

    with _bar("checking", quiet or as_json) as progress:
        checks = check_data(
            folder, lambda split, done, total: progress(done, total, split), workers
        )
    if as_json:
        print_json({"data": str(folder), "splits": [asdict(split) for split in checks]})
    else:
        for split in checks:
            _print_check(split)
    broken = {name for split in checks for name in split.broken}
    if broken:
        images = sum(split.images for split in checks)
        raise DataError(f"{folder}: {len(broken)} broken of {images} files; remove or replace them")


@app.command()
def pack(
    source: SourceArgument,
    target: TargetArgument,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes; default one a core.")
    ] = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Pack a data set for fast reading: 250 pixels high, memory-mapped, depth in millimetres.

    A killed run is continued by the same command. 32 GB of NYU become 20 GB.

    Example: netadapt data pack data/nyudepthv2 data/nyu-packed
    """
    from netadapt.depth.data.pack_writer import pack as write_pack

    with _resumable(quiet), _bar("packing", quiet or as_json) as progress:
        packed = write_pack(source, target, workers=workers, progress=progress)
    if as_json:
        size = {"height": packed.height, "width": packed.width}
        print_json({"data": str(target), **size, "images": packed.counts})
        return
    counts = ", ".join(f"{split} {count}" for split, count in packed.counts.items())
    print(f"{target}: {packed.height}×{packed.width} pixels; {counts}")


@app.command()
def bench(
    folder: SetArgument,
    split: Annotated[str, typer.Option(help="train, holdout or val.")] = "train",
    images: Annotated[int, typer.Option(min=1, help="Images to read over and over.")] = 256,
    seconds: Annotated[float, typer.Option(min=0.1, help="Time for each figure.")] = 3.0,
    batch_size: Annotated[int, typer.Option(min=1, help="Images a batch.")] = 8,
    training: Annotated[
        bool, typer.Option("--training", help="Also train a network on each form, in turns.")
    ] = False,
    model: Annotated[str, typer.Option(help="The network of --training.")] = "fastdepth",
    rounds: Annotated[int, typer.Option(min=1, help="Turns of each form in --training.")] = 5,
    compute: ComputeOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Measure how many images a second are read: from HDF5, packed, and from memory.

    Example: netadapt data bench data/nyudepthv2 --images 512

    Does reading hold training up?  netadapt data bench data/nyudepthv2 --training
    """
    from netadapt.depth.data.reading_speed import measure_reading

    report: dict[str, Any] = {"data": str(folder), "split": split, "forms": []}
    say("images/s      read    augmented batches", quiet=quiet or as_json)
    for speed in measure_reading(
        folder, split, images=images, seconds=seconds, batch_size=batch_size
    ):
        report["forms"].append(asdict(speed))
        if not as_json:
            print(f"{speed.form:8} {speed.read_per_s:9.0f} {speed.batches_per_s:20.0f}")
    if training:
        reading = {"split": split, "images": images, "batch_size": batch_size, "seconds": seconds}
        report["training"] = _bench_training(
            folder, model, reading, rounds, compute, as_json=as_json, quiet=quiet
        )
    if as_json:
        print_json(report)


def _bench_training(
    folder: Path,
    model: str,
    reading: dict[str, Any],
    rounds: int,
    compute: str | None,
    *,
    as_json: bool,
    quiet: bool,
) -> dict[str, Any]:
    """Train on each form in turns and print a line a form; gives the same for JSON."""
    from netadapt.depth.training.training_speed import (
        machine_name,
        measure_training,
        share_of_memory,
    )
    from netadapt.networks.build import build
    from netadapt.training.allocator import keep_freed_memory
    from netadapt.training.compute import compute_device

    keep_freed_memory()
    device = compute_device(compute)
    say(f"training {model} on {machine_name(device)}", quiet=quiet or as_json)
    say("images/s    median      best    of memory", quiet=quiet or as_json)
    trained = measure_training(folder, build(model), rounds=rounds, compute=device, **reading)
    forms = []
    for run in trained:
        share = share_of_memory(trained, run.form)
        forms.append(
            {"form": run.form, "median": run.median, "best": run.best, "rounds": run.rounds}
            | {"median_of_memory": share[0], "best_of_memory": share[1]}
        )
        if not as_json:
            print(
                f"{run.form:8} {run.median:9.1f} {run.best:9.1f}  {share[0]:6.1%} (median of "
                f"{rounds} rounds, best {share[1]:.1%})"
            )
    return {"model": model, "machine": machine_name(device), "forms": forms}


def _print_check(split: SplitCheck) -> None:
    sizes = ", ".join(f"{count} of {size}" for size, count in split.sizes.items())
    results.print(f"{split.split}: {split.images} images" + (f" ({sizes})" if sizes else ""))
    if split.sizes:
        results.print(
            f"  depth {split.depth_min_m:.2f} to {split.depth_max_m:.2f} m, mean "
            f"{split.depth_mean_m:.2f} m; {split.valid_share:.1%} of the pixels have one"
        )
    if split.focal_lengths:
        results.print(
            f"  focal lengths {split.focal_least:.2f} to {split.focal_most:.2f} of NYU's, of "
            f"{split.focal_lengths} images"
        )
    if split.without_depth:
        results.print(
            f"  {len(split.without_depth)} images have no depth at all, the first "
            f"{split.without_depth[0]}",
            markup=False,
        )
    for name, reason in list(split.broken.items())[:SHOWN]:
        text = reason if name in reason else f"{name}: {reason}"
        results.print(f"  broken: {text}", markup=False)
    if len(split.broken) > SHOWN:
        results.print(f"  and {len(split.broken) - SHOWN} more, all with --json")


@contextmanager
def _bar(verb: str, quiet: bool) -> Iterator[Callable[..., None]]:
    """A progress bar with the time left on stderr; gives a function (done, total, what)."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Bar(*columns, quiet=quiet) as bar:
        task = bar.add_task(verb, total=None)

        def show(done: int, total: int, what: str = "") -> None:
            bar.update(task, completed=done, total=total, description=f"{verb} {what}".strip())

        yield show


@contextmanager
def _resumable(quiet: bool) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        say("stopped; the same command goes on from here", quiet=quiet)
        raise
