"""`netadapt bench`: a whole network timed on a device, beside what its table predicts."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Annotated, Any

import typer

from netadapt.cli.console import print_json, results, say
from netadapt.cli.options import (
    DeviceNameOption,
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
    from netadapt.deploy.network_timing import Bench


def bench(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="A model or run folder, a network's name, package.module:function, or .onnx file.",
        ),
    ],
    device: DeviceNameOption,
    input_size: SizeOption = None,
    input_shapes: ShapeOption = None,
    profile: ProfileOption = None,
    tracker: TrackerOption = None,
    key: KeyOption = None,
    trust_factory: TrustOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Time a whole network on a device, at batch 1, beside what the device's table predicts.

    Example: netadapt bench runs/fastdepth-tx2-6ms --device tx2 --tracker 192.168.1.20:9190
    """
    from netadapt.deploy.network_timing import time_network
    from netadapt.latency.devices.profile import load_profile
    from netadapt.latency.runtimes.registry import open_runtime

    found = load_profile(device, file=profile, tracker=tracker, key=key)
    with open_runtime(found) as runtime:
        timed = time_network(
            model,
            device,
            runtime,
            input_size=parse_size(input_size),
            input_shapes=parse_shapes(input_shapes),
        )
    if as_json:
        print_json({"model": model, "device": device, "emulated": found.emulated, **_json(timed)})
        return
    for note in timed.notes:
        say(note, quiet=quiet)
    if found.emulated:
        say(f"{device} is emulated: its times are no latencies of any board", quiet=quiet)
    for line in _lines(timed):
        results.print(f"{model} on {device}: {line}", markup=False)


def _lines(timed: Bench) -> list[str]:
    timing = timed.timing
    lines = [
        f"{timing.latency_ms:.4g} ms measured (spread {timing.spread_ms:.2g}, median "
        f"{statistics.median(timing.samples_ms):.4g} of {len(timing.samples_ms)} runs)"
    ]
    if timed.table is not None and timed.predicted is not None:
        kind = "published" if timed.table.published else "measured"
        predicted = timed.predicted
        lines.append(
            f"{predicted.ms:.4g} ms predicted (90 % interval {predicted.low_ms:.4g} to "
            f"{predicted.high_ms:.4g}) from {timed.table.path}, {kind} layers: {timed.error:+.1%}"
        )
    return lines


def _json(timed: Bench) -> dict[str, Any]:
    timing, predicted, table = timed.timing, timed.predicted, timed.table
    return {
        "measured_ms": timing.latency_ms,
        "spread_ms": timing.spread_ms,
        "median_ms": statistics.median(timing.samples_ms),
        "samples_ms": list(timing.samples_ms),
        "predicted_ms": predicted and predicted.ms,
        "low_ms": predicted and predicted.low_ms,
        "high_ms": predicted and predicted.high_ms,
        "error": timed.error,
        "table": table and str(table.path),
        "published": table and table.published,
        "notes": list(timed.notes),
    }
