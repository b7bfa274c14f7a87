"""`lut check`: whole networks predicted from a table, then timed on the same device.

What a table is worth is how well it predicts networks it has never seen: random prunings, each
compiled and timed whole.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from netadapt.errors import UnmeasuredError
from netadapt.latency.measure.random_prunings import random_prunings
from netadapt.latency.model.estimator import LatencyEstimator
from netadapt.latency.runtimes.base import Runtime
from netadapt.latency.table.table import LookupTable
from netadapt.networks.onnx_export import export_pruned

if TYPE_CHECKING:
    import pandas as pd
    from torch import Tensor, nn

    from netadapt.graph import LayerGraph

CHECK_SEED = 20_000
"""Apart from the seeds of plans: a table must not be checked on what it was planned for."""


@dataclass(frozen=True)
class NetworksCheck:
    """How a table predicts whole networks.

    `networks` has the columns network, predicted_ms, low_ms, high_ms, measured_ms, spread_ms,
    error (predicted over measured, minus 1), macs. `bias` is the mean of the errors, `mean_error`
    and `worst_error` are of their absolute values.
    """

    networks: pd.DataFrame
    mean_error: float
    worst_error: float
    bias: float
    rank_correlation: float

    def to_meta(self) -> dict[str, Any]:
        """For the table's .toml."""
        return {
            "networks": len(self.networks),
            "date": datetime.date.today().isoformat(),
            "mean_error": round(self.mean_error, 4),
            "worst_error": round(self.worst_error, 4),
            "bias": round(self.bias, 4),
            "rank_correlation": round(self.rank_correlation, 4),
            "measured_ms": [round(ms, 4) for ms in self.networks["measured_ms"]],
            "predicted_ms": [round(ms, 4) for ms in self.networks["predicted_ms"]],
        }


def check_networks(
    table: LookupTable,
    runtime: Runtime,
    model: nn.Module,
    graph: LayerGraph,
    example: tuple[Tensor, ...],
    count: int,
    *,
    seed: int = 0,
    progress: Callable[[int, float, float], None] = lambda done, predicted, measured: None,
) -> NetworksCheck:
    """Predict and time `count` random prunings of `model`, whose `graph` is at full widths.

    `example`: the network's inputs at batch 1. Raises TableError when the table was not measured
    on this kind of runtime.
    """
    import pandas as pd

    difference = runtime_difference(table, runtime)
    if difference is not None:
        raise UnmeasuredError(
            f"{difference}; measure the table anew with: netadapt lut build --device {table.name}"
        )
    estimator = LatencyEstimator.of(table, strict=False)
    rows: list[dict[str, float]] = []
    for pruning in random_prunings(graph, count, seed=CHECK_SEED + seed):
        predicted = estimator.network(pruning)
        timing = runtime.measure_network(export_pruned(model, graph, pruning, example))
        rows.append(
            {
                "network": len(rows),
                "predicted_ms": predicted.ms,
                "low_ms": predicted.low_ms,
                "high_ms": predicted.high_ms,
                "measured_ms": timing.latency_ms,
                "spread_ms": timing.spread_ms,
                "error": predicted.ms / timing.latency_ms - 1,
                "macs": pruning.macs,
            }
        )
        progress(len(rows), predicted.ms, timing.latency_ms)
    return summarize(pd.DataFrame(rows))


def summarize(networks: pd.DataFrame) -> NetworksCheck:
    """The figures of a check from its rows."""
    errors = networks["error"]
    ranks = networks["predicted_ms"].rank().corr(networks["measured_ms"].rank())
    return NetworksCheck(
        networks,
        mean_error=float(errors.abs().mean()),
        worst_error=float(errors.abs().max()),
        bias=float(errors.mean()),
        rank_correlation=float(ranks) if len(networks) > 1 else 1.0,
    )


def runtime_difference(table: LookupTable, runtime: Runtime) -> str | None:
    """In what the runtime differs from the one `table` was measured with, a line; or None."""
    now = runtime.describe()
    for name in ("runtime", "target", "threads", "schedule"):
        was = table.meta.get(name)
        if was is not None and was != now[name]:
            return f"{table.path} was measured with {name} {was}, the device now has {now[name]}"
    return None
