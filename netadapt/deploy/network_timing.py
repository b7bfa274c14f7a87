"""A whole network timed on a device, beside what the device's lookup table predicts for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from netadapt.errors import ModelError, TableError
from netadapt.extras import needed
from netadapt.graph import trace
from netadapt.latency.measure.network_check import runtime_difference
from netadapt.latency.model.estimator import Latency, LatencyEstimator
from netadapt.latency.runtimes.base import Runtime, Timing
from netadapt.latency.table.table import LookupTable, find_table
from netadapt.networks.config import Shapes
from netadapt.networks.onnx_export import export_onnx
from netadapt.networks.open_network import build_network

if TYPE_CHECKING:
    from netadapt.graph import LayerGraph


@dataclass(frozen=True)
class Bench:
    """What a network took, and what `table` says of it; both None without a table or a graph.

    `notes` is what to know when the two are compared, a line each.
    """

    timing: Timing
    table: LookupTable | None = None
    predicted: Latency | None = None
    notes: tuple[str, ...] = ()

    @property
    def error(self) -> float | None:
        """Predicted over measured, minus 1."""
        if self.predicted is None:
            return None
        return self.predicted.ms / self.timing.latency_ms - 1


def time_network(
    network: str,
    device: str,
    runtime: Runtime,
    *,
    input_size: tuple[int, int] | None = None,
    input_shapes: Shapes | None = None,
) -> Bench:
    """Time `network` at batch 1 on the device that `runtime` is opened for, in its precision.

    `network` is an .onnx file, or whatever `build_network` takes; `device` names the table. Raises
    DeviceError when the device can't be reached or can't run it, ModelError or WeightsError when
    there is no such network, TableError when the table is damaged.
    """
    runtime.reach()  # before anything slow: a missing board is told at once
    table, notes = _table(device)
    if network.endswith(".onnx"):
        if input_size or input_shapes:
            raise ModelError(f"{network} has a size of its own; leave out the input's")
        timing = runtime.measure_network(_read_onnx(Path(network)))
        return Bench(timing, notes=("an ONNX file isn't predicted: give its model or run folder",))
    model, config = build_network(network, input_size, input_shapes)
    example = tuple(torch.zeros(shape) for shape in config.input_shapes)
    graph = trace(model, example)
    timing = runtime.measure_network(export_onnx(model, example))
    if table is None:
        return Bench(timing, notes=notes)
    predicted, more = _predicted(table, graph, runtime)
    return Bench(timing, table, predicted, (*notes, *more))


def _table(device: str) -> tuple[LookupTable | None, tuple[str, ...]]:
    try:
        path = find_table(device)
    except TableError:
        note = f"{device} has no table to predict from; measure one with: netadapt lut build"
        return None, (f"{note} --device {device}",)
    return LookupTable.read(path), ()


def _predicted(
    table: LookupTable, graph: LayerGraph, runtime: Runtime
) -> tuple[Latency, tuple[str, ...]]:
    predicted = LatencyEstimator.of(table, strict=False).network(graph)
    notes = [f"not counted: {uncounted}" for uncounted in graph.uncounted]
    if predicted.guess is not None:
        notes.append(predicted.guess)
    difference = runtime_difference(table, runtime)
    if difference is not None:
        notes.append(f"not the same conditions: {difference}")
    return predicted, tuple(notes)


def _read_onnx(file: Path) -> bytes:
    """The file at batch 1, if it is an ONNX model whose inputs have one fixed size but for that."""
    onnx = needed("onnx", "onnx")
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    try:
        content = file.read_bytes()
        proto = onnx.load_from_string(content)
    except (OSError, DecodeError) as error:
        reason = getattr(error, "strerror", None) or "no ONNX model"
        raise ModelError(f"cannot read {file}: {reason}") from error
    weights = {item.name for item in proto.graph.initializer}
    for value in proto.graph.input:
        sides = value.type.tensor_type.shape.dim
        if value.name in weights or all(side.dim_value > 0 for side in sides):
            continue
        if not all(side.dim_value > 0 for side in sides[1:]):
            raise ModelError(
                f"{file}: its input {value.name} has no fixed size; export it as 'netadapt export' "
                f"does"
            )
        sides[0].dim_value = 1  # networks are timed at batch 1
    return bytes(proto.SerializeToString())
