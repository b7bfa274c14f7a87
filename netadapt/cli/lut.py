"""`netadapt lut`: lookup tables, measured on a device or made from published tuning records."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from netadapt.cli.common import JsonOption, QuietOption, print_json, say

app = typer.Typer(
    help="Lookup tables: what each layer costs on a device.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

DeviceOption = Annotated[
    str, typer.Option("--device", "-d", help="A device's name, or the path of a table's CSV.")
]


@app.command("import")
def import_records(
    files: Annotated[
        list[Path], typer.Argument(help="Logs of AutoTVM or TopHub, one JSON record a line.")
    ],
    device: DeviceOption,
    also: Annotated[
        list[Path] | None,
        typer.Option(help="Records of the same kind of board taken by others; repeatable."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The CSV; default lookup_tables/DEVICE.published.csv.")
    ] = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Make a table from tuning records.

    Example: netadapt lut import tx2-gpu.*.log --also tophub-cuda-tx2.log --device tx2
    """
    from netadapt.cost.importing import import_table

    target = out or Path("lookup_tables") / f"{device}.published.csv"
    merged = import_table(device, files, also or [], target)
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
