"""The `netadapt lut` commands that talk to a device: build, doctor, and check on whole networks."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, TextColumn

from netadapt.cli.bar import Bar
from netadapt.cli.common import JsonOption, QuietOption, SeedOption, print_json, say
from netadapt.cli.options import (
    DeviceNameOption,
    KeyOption,
    ProfileOption,
    ShapeOption,
    SizeOption,
    TrackerOption,
    parse_shapes,
    parse_size,
)

if TYPE_CHECKING:
    from torch import Tensor, nn

    from netadapt.graph import LayerGraph
    from netadapt.graph.layer_shape import LayerShape
    from netadapt.latency.measure.network_check import NetworksCheck
    from netadapt.latency.runtimes.base import Timing

ModelOption = Annotated[
    str, typer.Option(help="fastdepth, a variant, a model folder, or package.module:function.")
]


def build(
    device: DeviceNameOption,
    model: ModelOption = "fastdepth",
    input_size: SizeOption = None,
    input_shapes: ShapeOption = None,
    tolerance: Annotated[
        float, typer.Option(help="Stop when networks are predicted within this relative error.")
    ] = 0.05,
    max_layers: Annotated[int, typer.Option(help="Most rows the table may have.", min=1)] = 250,
    tune: Annotated[
        int,
        typer.Option(
            help="MetaSchedule trials a layer instead of netadapt's own schedules.", min=0
        ),
    ] = 0,
    out: Annotated[
        Path | None, typer.Option(help="The CSV; default lookup_tables/DEVICE.csv.")
    ] = None,
    profile: ProfileOption = None,
    tracker: TrackerOption = None,
    key: KeyOption = None,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Measure a device's lookup table on the device; run again to continue.

    Example: netadapt lut build --device tx2 --tracker 192.168.1.20:9190
    """
    from netadapt.latency.devices.profile import load_profile
    from netadapt.latency.measure.calibration_networks import whole_networks
    from netadapt.latency.measure.planner import Planner
    from netadapt.latency.measure.table_build import build_table
    from netadapt.latency.runtimes.registry import open_runtime

    found = load_profile(device, file=profile, tracker=tracker, key=key)
    path = out or Path("lookup_tables") / f"{device}.csv"
    quiet = quiet or as_json
    for advice in found.fix_first:
        say(f"first, on {device}: {advice}", quiet=quiet)
    with (
        open_runtime(found, tune=tune, database=path.with_suffix(".tuning")) as runtime,
        _Shown(max_layers, quiet) as shown,
    ):
        runtime.reach()  # before the network is traced: a missing board is told at once
        network, example, graph = _network(model, input_size, input_shapes)
        built = build_table(
            found,
            runtime,
            Planner(graph, seed=seed),
            path,
            tolerance=tolerance,
            max_layers=max_layers,
            # Tuning would go through every kernel of every whole network; an emulated board's
            # times are no latencies.
            wholes=() if tune or found.emulated else whole_networks(network, graph, example),
            watcher=shown,
        )
    if as_json:
        print_json(
            {
                "table": str(path),
                "rows": len(built.table),
                "added": built.added,
                "predicted_error": built.error,
                "drift": built.drift,
                "seconds": built.seconds,
                "emulated": found.emulated,
            }
        )
        return
    error = "" if built.error is None else f", networks predicted within {built.error:.1%}"
    print(f"{path}: {len(built.table)} rows ({built.added} new) in {built.seconds:.0f} s{error}")
    if found.emulated:
        say(f"{device} is emulated: these times are no latencies of any board", quiet=quiet)
    if built.error is not None and built.error > tolerance:
        say(
            f"the tolerance of {tolerance:.1%} is not reached; allow more rows with --max-layers",
            quiet=quiet,
        )


def doctor(
    device: DeviceNameOption,
    profile: ProfileOption = None,
    tracker: TrackerOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Try each step of the path to a device, and say what to do where one fails.

    Example: netadapt lut doctor --device tx2 --tracker 192.168.1.20:9190
    """
    from netadapt.errors import DeviceError
    from netadapt.latency.devices.profile import load_profile
    from netadapt.latency.measure.doctor import examine

    found = load_profile(device, file=profile, tracker=tracker, key=key)
    findings = []
    for finding in examine(found):
        findings.append(finding)
        mark = {True: "ok     ", False: "FAILED ", None: "-      "}[finding.ok]
        if not as_json and not (quiet and finding.ok):
            print(f"{mark}{finding.step}: {finding.detail}", flush=True)
    if as_json:
        print_json([{"step": f.step, "ok": f.ok, "detail": f.detail} for f in findings])
    if any(finding.ok is False for finding in findings):
        raise typer.Exit(DeviceError.exit_code)


def check_networks_on_device(
    device: str,
    count: int,
    *,
    model: str,
    input_size: str | None,
    input_shapes: list[str] | None,
    profile: Path | None,
    tracker: str | None,
    key: str | None,
    seed: int,
    as_json: bool,
    quiet: bool,
) -> None:
    """Predict and time `count` random prunings on the device; table, plot and the table's .toml."""
    from netadapt.latency.devices.profile import load_profile
    from netadapt.latency.measure.network_check import check_networks
    from netadapt.latency.measure.network_check_plot import plot_check
    from netadapt.latency.runtimes.registry import open_runtime
    from netadapt.latency.table.table import LookupTable

    table = LookupTable.read(device)
    name = table.name
    found = load_profile(name, file=profile, tracker=tracker, key=key)
    quiet = quiet or as_json

    def progress(done: int, predicted: float, measured: float) -> None:
        say(
            f"{done:>3}/{count}  predicted {predicted:.3f} ms  measured {measured:.3f} ms  "
            f"{predicted / measured - 1:+.1%}",
            quiet=quiet,
        )

    with open_runtime(found) as runtime:
        runtime.reach()
        network, example, graph = _network(model, input_size, input_shapes)
        checked = check_networks(
            table, runtime, network, graph, example, count, seed=seed, progress=progress
        )
    assert table.path is not None
    plot = table.path.with_suffix(".check.png")
    plot_check(checked, name, plot)
    table.meta["network_check"] = {**checked.to_meta(), "model": model}
    table.write()
    if as_json:
        _print_json(checked, plot)
        return
    print(
        f"{count} networks on {name}: mean error {checked.mean_error:.1%}, worst "
        f"{checked.worst_error:.1%}, bias {checked.bias:+.1%}, rank correlation "
        f"{checked.rank_correlation:.3f}"
    )
    say(f"plot: {plot}; figures: {table.path.with_suffix('.toml')}", quiet=quiet)


class _Shown:
    """Shows a build on the terminal: the row being measured, the error, the time left at most."""

    def __init__(self, most: int, quiet: bool) -> None:
        self._quiet = quiet
        self._progress = Bar(
            TextColumn("{task.fields[what]}"),
            BarColumn(bar_width=24),
            TextColumn("{task.completed}/{task.total} rows{task.fields[left]}"),
            quiet=quiet,
        )
        self._line = self._progress.add_task("", total=most, what="starting", left="")
        self._start = 0.0
        self._first = 0

    def __enter__(self) -> _Shown:
        self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._progress.stop()

    def measured(self, shape: LayerShape, timing: Timing, done: int, most: int) -> None:
        now = time.monotonic()
        if not self._start:
            self._start, self._first = now, done
        per_row = (now - self._start) / max(1, done - self._first)
        left = f", at most {_duration(per_row * (most - done))} left" if done > self._first else ""
        what = f"{shape}: {timing.latency_ms:.3g} ms"
        self._progress.update(self._line, completed=done, total=most, what=what, left=left)

    def error(self, error: float) -> None:
        """Whole networks are predicted within this now."""
        say(f"whole networks are predicted within {error:.1%} now", quiet=self._quiet)

    def note(self, text: str) -> None:
        """Something to know."""
        say(text, quiet=self._quiet)


def _network(
    model: str, input_size: str | None, input_shapes: list[str] | None
) -> tuple[nn.Module, tuple[Tensor, ...], LayerGraph]:
    """The network, an example of its inputs, and its graph; weights don't matter here."""
    import torch

    from netadapt.graph import trace
    from netadapt.networks.open_network import build_network

    network, config = build_network(model, parse_size(input_size), parse_shapes(input_shapes))
    example = tuple(torch.zeros(shape) for shape in config.input_shapes)
    return network, example, trace(network, example)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _print_json(checked: NetworksCheck, plot: Path) -> None:
    result: dict[str, Any] = {
        **checked.to_meta(),
        "plot": str(plot),
        "rows": json.loads(checked.networks.to_json(orient="records")),
    }
    print_json(result)
