"""What layers take in a whole network over what they take alone, measured on the device.

A layer is timed by itself; in a network it finds caches as its neighbours left them, and the
runtime does something between kernels. A few whole networks tell how much that is: the table's one
calibration. They are drawn like those a table is checked with, but never the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from netadapt.graph.layer_shape import LayerShape
from netadapt.latency.measure.random_prunings import random_prunings
from netadapt.latency.model.estimator import LatencyEstimator
from netadapt.latency.runtimes.base import Runtime
from netadapt.networks.onnx_export import export_pruned

if TYPE_CHECKING:
    from torch import Tensor, nn

    from netadapt.graph import LayerGraph


CALIBRATION_SEED = 10_000
"""Apart from the seeds of plans and of checks."""

PRUNINGS = 6


@dataclass(frozen=True)
class WholeNetwork:
    """A network to be timed whole: its layers, and itself as an ONNX model at batch 1."""

    name: str
    layers: tuple[LayerShape, ...]
    model: bytes


def whole_networks(
    model: nn.Module, graph: LayerGraph, example: tuple[Tensor, ...]
) -> list[WholeNetwork]:
    """The network at full width and a few random prunings of it.

    `graph` is the model's at full widths, `example` its inputs. Raises ModelError when torch can't
    export it.
    """
    prunings = random_prunings(graph, PRUNINGS, seed=CALIBRATION_SEED)
    named = {"full": graph} | {f"pruning {i}": found for i, found in enumerate(prunings)}
    return [
        WholeNetwork(
            name,
            tuple(layer.shape for layer in found.layers),
            export_pruned(model, graph, found, example),
        )
        for name, found in named.items()
    ]


def calibration(
    estimator: LatencyEstimator,
    runtime: Runtime,
    networks: Sequence[WholeNetwork],
    *,
    enough: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """`[calibration]` for the table's .toml, from an estimator of the table without one.

    The first network is timed in any case, the others until `enough` says so. Raises
    UnsupportedLayer or WrongOutput when the device can't run a network whole.
    """
    measured: list[dict[str, Any]] = []
    for network in networks:
        if measured and enough():
            break
        timing = runtime.measure_network(network.model)
        measured.append(
            {
                "name": network.name,
                "measured_ms": float(f"{timing.latency_ms:.5g}"),
                "spread_ms": float(f"{timing.spread_ms:.3g}"),
                "layers_ms": float(f"{estimator.network_ms(network.layers):.5g}"),
            }
        )
    return {"price": "layers", "networks": measured}
