"""What layers take in a whole network over what they take alone, measured on the device.

A layer is timed by itself; in a network it finds caches as its neighbours left them, and the
runtime does something between kernels. A few whole networks, all of whose layers have rows, tell
how much that is: the table's one calibration. What a table is checked with are other networks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from netadapt.cost.builder.plan import FIRST_SHARES
from netadapt.cost.builder.sampling import scaled
from netadapt.cost.runtimes.base import Runtime
from netadapt.cost.table import LookupTable
from netadapt.cost.whole_onnx import at_widths, export_onnx
from netadapt.graph.layers import LayerShape

if TYPE_CHECKING:
    from torch import Tensor, nn

    from netadapt.graph import LayerGraph


@dataclass(frozen=True)
class WholeNetwork:
    """A network to be timed whole: its layers, and itself as an ONNX model at batch 1."""

    name: str
    layers: tuple[LayerShape, ...]
    model: bytes


def whole_networks(
    model: nn.Module, graph: LayerGraph, example: tuple[Tensor, ...]
) -> list[WholeNetwork]:
    """The network at the shares of its widths that every table begins with.

    `graph` is the model's at full widths, `example` its inputs. Raises ModelError when torch can't
    export it.
    """
    exported = export_onnx(model, example)
    networks = []
    for share in FIRST_SHARES:
        pruning = scaled(graph, share)
        layers = tuple(layer.shape for layer in pruning.layers)
        networks.append(
            WholeNetwork(f"{share:g} of the widths", layers, at_widths(exported, graph, pruning))
        )
    return networks


def calibration(
    table: LookupTable, runtime: Runtime, networks: Sequence[WholeNetwork]
) -> dict[str, Any] | None:
    """`[calibration]` for the table's .toml; None where no network has rows for all its layers.

    Raises UnsupportedLayer or WrongOutput when the device can't run a network whole.
    """
    measured = []
    for network in networks:
        rows = [table.find(shape) for shape in network.layers]
        found = [row.latency_ms for row in rows if row is not None]
        if len(found) < len(rows):
            continue
        timing = runtime.measure_network(network.model)
        measured.append(
            {
                "name": network.name,
                "measured_ms": float(f"{timing.latency_ms:.5g}"),
                "spread_ms": float(f"{timing.spread_ms:.3g}"),
                "rows_ms": float(f"{math.fsum(found):.5g}"),
            }
        )
    return {"price": "layers", "networks": measured} if measured else None
