"""Exports a network as a TVM bundle: a folder that runs on the device with TVM's runtime alone.

    network.so    the compiled network, batch norm folded, weights in it
    bundle.json   what it takes and gives, the device and target it is for, TVM's version
    check.npz     an input, and what the network makes of it before it is compiled
    run.py        compares, times and runs it, without netadapt (`bundle_run`)

The kernels are those a lookup table of the device times, so its latency is the one searched for.
"""

from __future__ import annotations

import json
import shutil
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from netadapt.deploy import bundle_run
from netadapt.errors import DeviceError, InputError, ModelError
from netadapt.files import atomic_folder
from netadapt.latency.devices.profile import DeviceProfile
from netadapt.latency.runtimes.base import UnsupportedLayer
from netadapt.latency.runtimes.network_steps import read_network
from netadapt.latency.runtimes.reference import TOLERANCE
from netadapt.latency.runtimes.tvm.runtime import TvmRuntime
from netadapt.networks.onnx_export import export_onnx
from netadapt.networks.store import find_model, load_model, read_config
from netadapt.version import __version__

FORMAT = "netadapt-tvm-1"
ABOUT = "bundle.json"


@dataclass(frozen=True)
class Bundle:
    """A bundle's folder, its inputs' shapes, and how far it is from torch.

    `difference` is a share of the network's largest output, None where the device didn't run it.
    """

    folder: Path
    input_shapes: tuple[tuple[int, ...], ...]
    target: str
    difference: float | None
    size_bytes: int


def export_bundle(
    path: str, profile: DeviceProfile, out: Path | None = None, *, checked: bool = True
) -> Bundle:
    """Compile the network at `path`, whatever `load_model` takes, for a device into `out`.

    Without `out` the folder is NAME-DEVICE here; an older bundle there is replaced. `checked`: the
    device runs it and is compared with the network first; nothing is written when they differ.
    Without, the device needn't be there, and only the bundle's run.py compares. Raises InputError
    when the device runs no TVM, ModelError when the network can't be exported or a layer has no
    kernel (an operator that none is known for is told before anything is compiled), DeviceError
    when the device can't be reached.
    """
    if profile.runtime != "tvm":
        raise InputError(
            f"{profile.name} runs {profile.runtime}, not TVM; use --format onnx for it"
        )
    source = find_model(path)
    shapes = read_config(source).input_shapes
    name = Path(path).resolve().name
    folder = out or Path(f"{name}-{profile.name}")
    with closing(TvmRuntime(profile)) as runtime:
        if checked:
            _reach(runtime)  # before anything slow
        examples = tuple(torch.zeros(shape) for shape in shapes)
        model = export_onnx(load_model(source), examples)
        _require_kernels(model, path)
        with atomic_folder(folder, ABOUT) as made:
            try:
                library = runtime.compile_network(model, made / "network.so", checked=checked)
            except UnsupportedLayer as error:
                raise ModelError(f"{path} can't be compiled by TVM: {error}") from error
            about = {
                "format": FORMAT,
                "network": name,
                "device": profile.name,
                "target": library.target,
                "kind": library.kind,
                "threads": profile.threads,
                "schedule": runtime.schedule,
                "tvm": library.version,
                "netadapt": __version__,
                "inputs": [list(array.shape) for array in library.inputs],
                "arguments": [list(shape) for shape in library.arguments],
                "output": list(library.expected.shape),
                "tolerance": TOLERANCE,
                "difference": library.difference,
            }
            (made / ABOUT).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
            arrays: dict[str, Any] = {"expected": library.expected}
            arrays |= {f"input_{index}": array for index, array in enumerate(library.inputs)}
            np.savez_compressed(made / "check.npz", **arrays)
            shutil.copyfile(bundle_run.__file__, made / "run.py")
            size = sum(file.stat().st_size for file in made.iterdir())
    return Bundle(folder, shapes, library.target, library.difference, size)


def _require_kernels(model: bytes, path: str) -> None:
    """Raise ModelError for what no kernel is known for; TVM compiles for minutes before it says."""
    try:
        network = read_network(model)
    except UnsupportedLayer as error:
        raise ModelError(
            f"{path} can't be compiled by TVM: {error}; export it with --format onnx"
        ) from error
    if len(network.outputs) != 1:
        raise ModelError(
            f"{path} gives {len(network.outputs)} tensors ({', '.join(network.outputs)}), and a "
            f"bundle has one output; export it with --format onnx"
        )


def _reach(runtime: TvmRuntime) -> None:
    try:
        runtime.reach()
    except DeviceError as error:
        raise DeviceError(f"{error}; or compile without the device: --unchecked") from error
