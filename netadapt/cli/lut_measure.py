"""The `netadapt lut` commands that talk to a device: build, doctor, and check on whole networks."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from netadapt.cli.build_limits import BuildLimits
from netadapt.cli.build_progress import BuildProgress, in_minutes
from netadapt.cli.console import print_json, say
from netadapt.cli.options import (
    DeviceNameOption,
    JsonOption,
    KeyOption,
    ModelOption,
    ProfileOption,
    QuietOption,
    SeedOption,
    ShapeOption,
    SizeOption,
    TrackerOption,
    TrustOption,
    parse_shapes,
    parse_size,
)

if TYPE_CHECKING:
    from netadapt.latency.measure.network_check import NetworksCheck
    from netadapt.latency.measure.table_build import Built


def build(
    device: DeviceNameOption,
    model: ModelOption = "fastdepth",
    input_size: SizeOption = None,
    input_shapes: ShapeOption = None,
    tolerance: Annotated[
        float | None,
        typer.Option(
            help="Stop when networks are predicted within this relative error; default 0.05."
        ),
    ] = None,
    max_layers: Annotated[
        int | None,
        typer.Option(help="Most rows the table may have; default 250, 20 with --quick.", min=1),
    ] = None,
    quick: Annotated[
        bool,
        typer.Option(
            "--quick", help="Some 20 rows, those that teach most first; says what more would buy."
        ),
    ] = False,
    until: Annotated[
        str | None,
        typer.Option(
            help="As --quick, on until networks are predicted within this relative error: 5%."
        ),
    ] = None,
    time_limit: Annotated[
        str | None,
        typer.Option(help="Stop after this time and keep the rows so far: 90s, 10m, 1h."),
    ] = None,
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
    trust_factory: TrustOption = False,
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
    from netadapt.latency.measure.teaching_planner import TeachingPlanner
    from netadapt.latency.runtimes.registry import open_runtime
    from netadapt.networks.open_network import trace_network

    limits = BuildLimits.from_options(
        tolerance=tolerance,
        max_layers=max_layers,
        quick=quick,
        until=until,
        time_limit=time_limit,
    )
    found = load_profile(device, file=profile, tracker=tracker, key=key)
    path = out or Path("lookup_tables") / f"{device}.csv"
    quiet = quiet or as_json
    for advice in found.fix_first:
        say(f"first, on {device}: {advice}", quiet=quiet)
    with (
        open_runtime(found, tune=tune, database=path.with_suffix(".tuning")) as runtime,
        BuildProgress(limits.max_layers, quiet) as shown,
    ):
        runtime.reach()  # before the network is traced: a missing board is told at once
        network, example, graph = trace_network(
            model, parse_size(input_size), parse_shapes(input_shapes)
        )
        kind = TeachingPlanner if limits.teaching else Planner
        built = build_table(
            found,
            runtime,
            kind(graph, seed=seed),
            path,
            tolerance=limits.tolerance,
            max_layers=limits.max_layers,
            time_limit_s=limits.time_limit_s,
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
                "spread": built.spread,
                "seconds": built.seconds,
                "out_of_time": built.out_of_time,
                "prospects": [asdict(prospect) for prospect in built.prospects],
                "emulated": found.emulated,
            }
        )
        return
    error = "" if built.error is None else f", networks predicted within {built.error:.1%}"
    print(f"{path}: {len(built.table)} rows ({built.added} new) in {built.seconds:.0f} s{error}")
    if found.emulated:
        say(f"{device} is emulated: these times are no latencies of any board", quiet=quiet)
    for line in _what_more_would_do(built, limits):
        say(line, quiet=quiet)


def _what_more_would_do(built: Built, limits: BuildLimits) -> list[str]:
    """Why the tolerance isn't reached, where it isn't, and what a longer build would buy."""
    lines = []
    if built.error is None and built.out_of_time:
        lines.append("the time was too short to predict networks from it; run again to continue")
    full = len(built.table) >= limits.max_layers
    short = built.error is not None and built.error > limits.tolerance
    if short and not (full and built.prospects):
        if built.out_of_time:
            more = "the time is over; run again to continue"
        elif full:
            more = "allow more rows with --max-layers"
        else:
            more = "no layer is left to measure; netadapt lut doctor says if the clocks are steady"
        lines.append(f"the tolerance of {limits.tolerance:.1%} is not reached; {more}")
    lines += [
        f"{prospect.rows} more rows, about {in_minutes(prospect.seconds)}, should bring that to "
        f"{prospect.error:.1%}: --until {prospect.error:.1%}"
        for prospect in built.prospects
        if built.error is not None and prospect.error < built.error
    ]
    return lines


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
    from netadapt.extras import needed
    from netadapt.latency.devices.profile import load_profile
    from netadapt.latency.measure.network_check import check_networks
    from netadapt.latency.measure.network_check_plot import plot_check
    from netadapt.latency.runtimes.registry import open_runtime
    from netadapt.latency.table.table import LookupTable
    from netadapt.networks.open_network import trace_network

    needed("matplotlib.figure", "report")  # for the plot: said before minutes are spent
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
        network, example, graph = trace_network(
            model, parse_size(input_size), parse_shapes(input_shapes)
        )
        checked = check_networks(
            table, runtime, network, graph, example, count, seed=seed, progress=progress
        )
    assert table.path is not None
    table.meta["network_check"] = {**checked.to_meta(), "model": model}
    table.write()
    plot = table.path.with_suffix(".check.png")
    plot_check(checked, name, plot)
    if as_json:
        _print_json(checked, plot)
        return
    print(
        f"{count} networks on {name}: mean error {checked.mean_error:.1%}, worst "
        f"{checked.worst_error:.1%}, bias {checked.bias:+.1%}, rank correlation "
        f"{checked.rank_correlation:.3f}"
    )
    say(f"plot: {plot}; figures: {table.path.with_suffix('.toml')}", quiet=quiet)


def _print_json(checked: NetworksCheck, plot: Path) -> None:
    result: dict[str, Any] = {
        **checked.to_meta(),
        "plot": str(plot),
        "rows": json.loads(checked.networks.to_json(orient="records")),
    }
    print_json(result)
