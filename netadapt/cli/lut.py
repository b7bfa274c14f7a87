"""`netadapt lut`: lookup tables, measured on a device or made from published tuning records."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from netadapt.cli import lut_measure
from netadapt.cli.bar import working
from netadapt.cli.console import print_json, say
from netadapt.cli.options import (
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
    from netadapt.graph import LayerGraph
    from netadapt.latency.model.estimator import Latency, LatencyEstimator, LayerLatency
    from netadapt.latency.model.leave_out import TableCheck
    from netadapt.latency.table.engine_profile_import import Beside
    from netadapt.latency.table.table import LookupTable

app = typer.Typer(
    help="Lookup tables: what each layer costs on a device.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

LEFT = ("name", "layer", "family", "source", "sources", "schedule", "network", "role", "rows")
"""Columns of words, aligned on the left; numbers are on the right."""

app.command("build")(lut_measure.build)
app.command("doctor")(lut_measure.doctor)

DeviceOption = Annotated[
    str, typer.Option("--device", "-d", help="A device's name, or the path of a table's CSV.")
]


@app.command("import")
def import_records(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="Logs of AutoTVM or TopHub; or profiles of trtexec, onnxruntime, benchmark_model."
        ),
    ],
    device: Annotated[
        str | None,
        typer.Option("--device", "-d", help="The table's name; default: that of --board."),
    ] = None,
    also: Annotated[
        list[Path] | None,
        typer.Option(help="Records of the same kind of board taken by others; repeatable."),
    ] = None,
    board: Annotated[
        str, typer.Option(help="Take the records of this board, where files hold several.")
    ] = "",
    network: Annotated[
        Path | None,
        typer.Option(
            help="The .onnx or .tflite file that onnxruntime's or TFLite's profile is of."
        ),
    ] = None,
    layer_info: Annotated[
        Path | None, typer.Option(help="What trtexec wrote with --exportLayerInfo.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The CSV; default lookup_tables/DEVICE.published.csv.")
    ] = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Make a table from tuning records, or from an engine's own profile of a network.

    Example: netadapt lut import tx2-gpu.*.log --also tophub-cuda-tx2.log --device tx2

    A profile: netadapt lut import profile.json --network network.onnx --device my-board
    """
    from netadapt.errors import InputError
    from netadapt.latency.table.engine_profile_import import Beside, profile_format
    from netadapt.latency.table.record_import import import_table

    device = device or board.lower()
    if not device:
        raise InputError("the table has no name; give one with --device NAME, or --board NAME")
    target = out or Path("lookup_tables") / f"{device}.published.csv"
    is_profile = profile_format(files[0]) is not None
    if is_profile and (also or board):
        raise InputError(
            f"--also and --board are of tuning records, and {files[0]} is an engine's profile; "
            f"leave them out"
        )
    if not is_profile and (network or layer_info):
        raise InputError(
            f"--network and --layer-info are of profiles, and {files[0]} is none by trtexec, "
            f"onnxruntime or benchmark_model"
        )
    if is_profile:
        _import_profiles(device, files, target, Beside(network, layer_info), as_json, quiet)
        return
    merged = import_table(device, files, also or [], target, board)
    if as_json:
        print_json({"table": str(target), "device": device, **merged.meta()})
        return
    for slow in merged.slow_files:
        say(
            f"left out {slow.file}: on {slow.shared_shapes} shapes it shares with the other runs "
            f"it is {slow.ratio:.2f} times slower (another mode of the board)",
            quiet=quiet,
        )
    for reason, count in merged.skip_reasons().items():
        say(f"skipped {count} of {reason}", quiet=quiet)
    say(f"{merged.repeated_shapes} shapes stand in several runs: the least counts", quiet=quiet)
    print(f"{target}: {len(merged.rows)} rows from {len(merged.files)} files")


def _import_profiles(
    device: str, files: list[Path], target: Path, beside: Beside, as_json: bool, quiet: bool
) -> None:
    from netadapt.latency.table.engine_profile_import import import_profiles

    imported = import_profiles(device, files, target, beside)
    if as_json:
        left_out = [asdict(one) for one in imported.left_out]
        print_json(
            {"table": str(target), "device": device, **imported.meta(), "layers_left_out": left_out}
        )
        return
    for one in imported.left_out:
        say(f"left out {one.name} ({one.latency_ms:.4g} ms): {one.reason}", quiet=quiet)
    rows = "row" if len(imported.rows) == 1 else "rows"
    layers = "layer" if len(imported.left_out) == 1 else "layers"
    print(
        f"{target}: {len(imported.rows)} {rows} of {imported.engine} in {imported.precision}, "
        f"{len(imported.left_out)} {layers} left out"
    )


@app.command()
def show(
    device: DeviceOption,
    rows: Annotated[bool, typer.Option("--rows", help="List every row.")] = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """What a table holds and where its figures come from.

    Example: netadapt lut show --device tx2 --rows
    """
    table = _read(device, quiet)
    if as_json:
        about: dict[str, Any] = {**_about(table), "meta": table.meta}
        if rows:
            about["table"] = json.loads(table.rows.to_json(orient="records"))
        print_json(about)
        return
    for key, value in _about(table).items():
        say(f"{key}: {value}", quiet=quiet)
    for key in ("board", "runtime", "target", "threads", "power_mode", "date", "references"):
        if key in table.meta:
            value = table.meta[key]
            say(f"{key}: {'; '.join(value) if isinstance(value, list) else value}", quiet=quiet)
    if rows:
        _print_rows(table)
    else:
        _print_families(table)


def _print_rows(table: LookupTable) -> None:
    """A line a row."""
    _print_table(
        ["layer", "ms", "spread ms", "samples", "source", "schedule"],
        [
            [
                str(row.shape),
                f"{row.latency_ms:.4g}",
                "" if row.spread_ms is None else f"{row.spread_ms:.2g}",
                str(row.samples),
                row.source,
                row.schedule,
            ]
            for row in table.entries
        ],
    )


def _print_families(table: LookupTable) -> None:
    """A line a family: how many rows, and what they take."""
    from netadapt.latency.model.features import family

    families = [family(entry.shape) for entry in table.entries]
    _print_table(
        ["family", "rows", "least ms", "most ms", "sources"],
        [
            [
                str(name),
                str(len(part)),
                f"{part.latency_ms.min():.4g}",
                f"{part.latency_ms.max():.4g}",
                ", ".join(sorted(set(part.source))),
            ]
            for name, part in table.rows.groupby(families, sort=False)
        ],
    )


@app.command()
def estimate(
    device: DeviceOption,
    model: ModelOption = "fastdepth",
    input_size: SizeOption = None,
    input_shapes: ShapeOption = None,
    allow_unsupported: Annotated[
        bool,
        typer.Option(help="Estimate layers of a kind the table has no row of, and name them."),
    ] = False,
    save_layers: Annotated[
        Path | None, typer.Option(help="Also write the network's layer shapes to this CSV.")
    ] = None,
    trust_factory: TrustOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """What a network takes on a device: every layer, the total, and how sure that is.

    Example: netadapt lut estimate --device tx2 --model fastdepth
    """
    from netadapt.latency.model.estimator import LatencyEstimator
    from netadapt.latency.table.network_shapes import write_shapes
    from netadapt.networks.open_network import trace_network

    table = _read(device, quiet)
    _, _, graph = trace_network(model, parse_size(input_size), parse_shapes(input_shapes))
    if save_layers is not None:
        write_shapes(save_layers, [layer.shape for layer in graph.layers])
    estimator = LatencyEstimator.of(table, strict=not allow_unsupported)
    latency = estimator.network(graph)
    if latency.guess is not None:
        say(latency.guess, quiet=quiet)
    for uncounted in graph.uncounted:
        say(f"not counted: {uncounted}", quiet=quiet)
    for taught in _taught(estimator, latency):
        say(taught, quiet=quiet)
    if as_json:
        print_json(
            {
                **_about(table),
                "model": model,
                "ms": latency.ms,
                "low_ms": latency.low_ms,
                "high_ms": latency.high_ms,
                "unsupported": list(latency.unsupported),
                "own_shares": estimator.own_shares,
                "layers": json.loads(latency.layers.to_json(orient="records")),
            }
        )
        return
    _print_estimate(graph, estimator.layers(layer.shape for layer in graph.layers))
    by_source = latency.layers.groupby("source").kernel_ms.sum().to_dict()
    by_source["modelled"] = latency.ms - sum(
        ms for source, ms in by_source.items() if source != "modelled"
    )
    parts = ", ".join(f"{ms:.2f} {source}" for source, ms in sorted(by_source.items()))
    print(
        f"{model} on {table.name}: {latency.ms:.2f} ms "
        f"({latency.low_ms:.2f}–{latency.high_ms:.2f}; {parts})"
    )


def _taught(estimator: LatencyEstimator, latency: Latency) -> list[str]:
    """Where other boards count in what is modelled, a line a family."""
    modelled = set(latency.layers[latency.layers.source == "modelled"].family)
    boards = ", ".join(estimator.boards.names)
    return [
        f"{name} layers without a row: what other boards ({boards}) teach counts {1 - share:.0%}"
        for name, share in estimator.own_shares.items()
        if share < 1 and name in modelled
    ]


def _print_estimate(graph: LayerGraph, estimates: Sequence[LayerLatency]) -> None:
    """A line a layer."""
    _print_table(
        ["name", "layer", "ms", "90 % interval", "source", "of it added by the model"],
        [
            [
                layer.name,
                str(layer.shape),
                f"{one.ms:.3f}",
                f"{one.low_ms:.3f}–{one.high_ms:.3f}",
                one.source,
                f"{one.overhead_ms:.3f}" if one.overhead_ms else "",
            ]
            for layer, one in zip(graph.layers, estimates, strict=True)
        ],
    )


@app.command()
def check(
    device: DeviceOption,
    refit: Annotated[
        bool,
        typer.Option(help="Search the hyperparameters anew for every left-out shape; slower."),
    ] = False,
    write: Annotated[bool, typer.Option(help="Write the result into the table's .toml.")] = False,
    networks: Annotated[
        int, typer.Option(help="Time so many random prunings whole, on the device itself.", min=0)
    ] = 0,
    model: ModelOption = "fastdepth",
    input_size: SizeOption = None,
    input_shapes: ShapeOption = None,
    profile: ProfileOption = None,
    tracker: TrackerOption = None,
    key: KeyOption = None,
    seed: SeedOption = 0,
    trust_factory: TrustOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """How good a table's estimates are: shapes left out one at a time, and whole networks.

    Example: netadapt lut check --device tx2
    """
    if networks:
        lut_measure.check_networks_on_device(
            device,
            networks,
            model=model,
            input_size=input_size,
            input_shapes=input_shapes,
            profile=profile,
            tracker=tracker,
            key=key,
            seed=seed,
            as_json=as_json,
            quiet=quiet,
        )
        return
    from netadapt.latency.model.leave_out import check_table

    table = _read(device, quiet)
    with working(f"fitting the table of {table.name} without each of its rows", quiet or as_json):
        checked = check_table(table, refit=refit)
    if write:
        table.meta["check"] = checked.to_meta()
        say(f"wrote the result into {table.write().with_suffix('.toml')}", quiet=quiet)
    if as_json:
        print_json(
            {
                **_about(table),
                "summary": checked.summary(),
                "networks": [
                    {
                        **asdict(network),
                        "error": network.error,
                        "left_out_error": network.left_out_error,
                    }
                    for network in checked.networks
                ],
                "repeats": checked.repeats,
                "layers": json.loads(checked.layers.to_json(orient="records")),
            }
        )
        return
    _print_check(checked, quiet)


def _print_check(checked: TableCheck, quiet: bool) -> None:
    say("Each shape predicted from a table without it:", quiet=quiet)
    _print_table(
        ["rows", "family", "shapes", "mean error", "median", "inside 90 % interval"],
        [
            [
                line["scope"],
                line["family"],
                str(line["shapes"]),
                f"{line['mean_error']:.1%}",
                f"{line['median_error']:.1%}",
                f"{line['inside_90']:.0%}",
            ]
            for line in checked.summary()
        ],
    )
    for name, (median, mean) in checked.repeats.items():
        say(
            f"{name}: repeated rows differ by {median:.1%} (median; mean {mean:.1%}) by themselves",
            quiet=quiet,
        )
    if not checked.networks:
        return
    say("Whole networks (one price is fitted to a 'calibration', none to a 'test'):", quiet=quiet)
    _print_table(
        ["network", "role", "measured ms", "predicted", "error", "its rows left out", "error"],
        [
            [
                network.name,
                network.role,
                f"{network.measured_ms:g}",
                f"{network.predicted_ms:.2f} ({network.low_ms:.2f}–{network.high_ms:.2f})",
                "fitted" if network.role == "calibration" else f"{network.error:+.1%}",
                f"{network.left_out_ms:.2f} "
                f"({network.left_out_low_ms:.2f}–{network.left_out_high_ms:.2f})",
                "fitted" if network.role == "calibration" else f"{network.left_out_error:+.1%}",
            ]
            for network in checked.networks
        ],
    )


def _read(device: str, quiet: bool) -> LookupTable:
    """The table, with a word on which one it is."""
    from netadapt.latency.table.table import LookupTable

    table = LookupTable.read(device)
    kind = "published figures" if table.published else "measured"
    say(f"table {table.path} ({len(table)} rows, {kind})", quiet=quiet)
    return table


def _about(table: LookupTable) -> dict[str, Any]:
    return {
        "device": table.name,
        "path": str(table.path),
        "rows": len(table),
        "published": table.published,
        "hash": table.hash,
    }


def _print_table(header: list[str], rows: list[list[str]]) -> None:
    """Aligned columns on stdout, never cut to the terminal's width."""
    widths = [max(len(row[i]) for row in (header, *rows)) for i in range(len(header))]
    for row in (header, ["─" * width for width in widths], *rows):
        cells = [
            cell.ljust(width) if name in LEFT else cell.rjust(width)
            for name, cell, width in zip(header, row, widths, strict=True)
        ]
        print("  ".join(cells).rstrip())
