"""`netadapt bench`: whole networks timed on devices, beside what the devices' tables predict."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netadapt.cli.console import print_json, results, say
from netadapt.cli.options import (
    JsonOption,
    KeyOption,
    ProfileOption,
    QuietOption,
    ShapeOption,
    SizeOption,
    TrackerOption,
    TrustOption,
    parse_shapes,
    parse_size,
)

if TYPE_CHECKING:
    from netadapt.deploy.network_bench import Figures


def bench(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL…",
            help="Model or run folders, networks' names, package.module:function, .onnx files.",
        ),
    ],
    devices: Annotated[
        list[str], typer.Option("--device", "-d", help="The device's name; repeatable.")
    ],
    input_size: SizeOption = None,
    input_shapes: ShapeOption = None,
    data: Annotated[
        str | None,
        typer.Option(help="Evaluate each on this data set too: a folder, or 'rooms'."),
    ] = None,
    split: Annotated[str, typer.Option(help="Of the data: train, holdout, val or all.")] = "val",
    task: Annotated[
        str | None,
        typer.Option(
            help="Evaluate on this task's holdout: its name (with --data), or "
            "package.module:function."
        ),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(help="Draw it: an .html page with the table, or an .svg or .png."),
    ] = None,
    profile: ProfileOption = None,
    tracker: TrackerOption = None,
    key: KeyOption = None,
    trust_factory: TrustOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Time whole networks on devices, at batch 1, beside what the devices' tables predict.

    Of several the first is what the speed-up of the others is counted from; --json gives an object
    for one network on one device, a list of objects for more.

    Example: netadapt bench runs/fastdepth-tx2-6ms --device tx2 --tracker 192.168.1.20:9190

    Before and after, with accuracy: netadapt bench fastdepth runs/mine --device host-ort
    --data rooms --plot bench.html
    """
    from netadapt.deploy.network_bench import bench_networks
    from netadapt.depth.training.metrics import METRIC_WORDS
    from netadapt.depth.training.model_accuracy import accuracy_on
    from netadapt.latency.devices.profile import load_profile
    from netadapt.report.bench_page import require_plot, write_bench

    if len(devices) > 1 and any((profile, tracker, key)):
        raise typer.BadParameter(
            "--profile, --tracker and --key say where one device is; write them into a profile for "
            "each: devices/NAME.toml"
        )
    if plot is not None:
        require_plot(plot)
    quiet = quiet or as_json
    figures = list(
        bench_networks(
            models,
            {
                device: load_profile(device, file=profile, tracker=tracker, key=key)
                for device in devices
            },
            input_size=parse_size(input_size),
            input_shapes=parse_shapes(input_shapes),
            accuracy_of=accuracy_on(data, task, split),
            told=lambda text: say(text, quiet=quiet),
        )
    )
    if as_json:
        found = [one.to_json() for one in figures]
        print_json(found[0] if len(found) == 1 else found)
        if plot is not None:
            write_bench(figures, plot, METRIC_WORDS)
        return
    for note in _notes(figures):
        say(note, quiet=quiet)
    if len(figures) == 1:
        for line in _lines(figures[0]):
            results.print(line, markup=False)
    else:
        _print_table(figures)
    if plot is not None:  # last: what was timed is told even if it can't be drawn
        write_bench(figures, plot, METRIC_WORDS)
        say(f"drawn: {plot}", quiet=quiet)


def _notes(figures: Sequence[Figures]) -> list[str]:
    """What to know of the figures, each once."""
    notes = [note for one in figures for note in one.bench.notes]
    notes += [
        f"{one.device} is emulated: its times are no latencies of any board"
        for one in figures
        if one.emulated
    ]
    return list(dict.fromkeys(notes))


def _lines(one: Figures) -> list[str]:
    timing, start = one.bench.timing, f"{one.model} on {one.device}: "
    lines = [
        f"{start}{timing.latency_ms:.4g} ms measured (spread {timing.spread_ms:.2g}, median "
        f"{one.median_ms:.4g} of {len(timing.samples_ms)} runs)"
    ]
    table, predicted = one.bench.table, one.bench.predicted
    if table is not None and predicted is not None:
        kind = "published" if table.published else "measured"
        lines.append(
            f"{start}{predicted.ms:.4g} ms predicted (90 % interval {predicted.low_ms:.4g} to "
            f"{predicted.high_ms:.4g}) from {table.path}, {kind} layers: {one.bench.error:+.1%}"
        )
    if one.accuracy:
        metrics = ", ".join(f"{name} {value:.4f}" for name, value in one.accuracy.items())
        lines.append(f"{one.model}: {metrics}")
    return lines


def _print_table(figures: Sequence[Figures]) -> None:
    """Columns aligned with spaces: names to the left, numbers to the right."""
    from netadapt.deploy.network_bench import figures_table

    rows = figures_table(figures)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            cell.ljust(width) if index < 2 else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        results.print("  ".join(cells).rstrip(), markup=False)
