"""`netadapt export`: a network as a file that other programs run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netadapt.cli.console import print_json, results, say
from netadapt.cli.options import JsonOption, KeyOption, ProfileOption, QuietOption, TrackerOption

if TYPE_CHECKING:
    from netadapt.latency.devices.profile import DeviceProfile

FORMATS = ("onnx", "tvm")


def export(
    model: Annotated[
        str, typer.Argument(metavar="RUN|MODEL", help="A run or model folder, or a shipped model.")
    ],
    format: Annotated[str, typer.Option("--format", help="onnx, or tvm: a bundle.")] = "onnx",
    out: Annotated[
        Path | None,
        typer.Option(help="What to write; default NAME.onnx, or the folder NAME-DEVICE, here."),
    ] = None,
    device: Annotated[
        str | None, typer.Option("--device", "-d", help="tvm: the device to compile for.")
    ] = None,
    profile: ProfileOption = None,
    tracker: TrackerOption = None,
    key: KeyOption = None,
    unchecked: Annotated[
        bool,
        typer.Option(
            "--unchecked", help="tvm: compile without the device; the bundle's run.py compares."
        ),
    ] = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Export a network, batch norm folded, and check that the file computes the same.

    The ONNX file takes 'input' at batch 1 in float32 (for depth: RGB in [0, 1], [1, 3, H, W]) and
    gives 'output' (metres, [1, 1, H, W]). Several inputs are called as the forward's parameters;
    outputs as the keys of a dict, or output, output_1, … of a tuple.

    A TVM bundle is a folder to copy to the device: the compiled network and a run.py that compares
    it with torch, times it and runs it there, with tvm and numpy alone.

    Example: netadapt export runs/fastdepth-tx2-6ms --format onnx --out fastdepth.onnx

    Example: netadapt export runs/fastdepth-tx2-6ms --format tvm --device tx2
    """
    if format not in FORMATS:
        raise typer.BadParameter(f"'{format}' is no format; expected {', '.join(FORMATS)}")
    if (format == "tvm") != (device is not None):
        raise typer.BadParameter(
            "--format tvm compiles for a device; name it with --device"
            if device is None
            else "--device is for --format tvm; an ONNX file is for every device"
        )
    if device is None and (profile or tracker or key or unchecked):
        raise typer.BadParameter(
            "--profile, --tracker, --key and --unchecked are for --format tvm --device NAME"
        )
    if device is not None:
        from netadapt.latency.devices.profile import load_profile

        found = load_profile(device, file=profile, tracker=tracker, key=key)
        _export_bundle(model, found, out, checked=not unchecked, as_json=as_json, quiet=quiet)
        return
    from netadapt.deploy.onnx_file import export_model

    say(f"exporting {model}", quiet=quiet or as_json)
    exported = export_model(model, out)
    if as_json:
        print_json({"model": model, **vars(exported), "tolerance": exported.tolerance})
        return
    shapes = ", ".join("×".join(map(str, shape)) for shape in exported.input_shapes)
    results.print(
        f"{exported.file}: {', '.join(exported.inputs)} {shapes}, "
        f"{exported.size_bytes / 1e6:.1f} MB; differs from torch by at most "
        f"{exported.largest_difference:.2g} (allowed {exported.tolerance:.2g}, outputs reach "
        f"{exported.largest_output:.3g})",
        markup=False,
    )


def _export_bundle(
    model: str,
    profile: DeviceProfile,
    out: Path | None,
    *,
    checked: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    from netadapt.deploy.tvm_bundle import export_bundle

    device = profile.name
    say(f"compiling {model} for {device}", quiet=quiet or as_json)
    bundle = export_bundle(model, profile, out, checked=checked)
    if as_json:
        print_json({"model": model, "device": device, **vars(bundle)})
        return
    shapes = ", ".join("×".join(map(str, shape)) for shape in bundle.input_shapes)
    compared = (
        "not run yet: run.py there compares it with torch"
        if bundle.difference is None
        else f"differs from torch by {bundle.difference:.2g} of the largest output"
    )
    results.print(
        f"{bundle.folder}: input {shapes}, {bundle.size_bytes / 1e6:.1f} MB; {compared}",
        markup=False,
    )
    say(f"next: copy it to {device} and run: python3 {bundle.folder.name}/run.py", quiet=quiet)
