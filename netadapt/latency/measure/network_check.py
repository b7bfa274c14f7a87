"""`lut check`: whole networks predicted from a table, then timed on the same device.

What a table is worth is how well it predicts networks it has never seen: random prunings, each
compiled and timed whole.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netadapt.errors import TableError
from netadapt.extras import needed
from netadapt.files import atomic_path
from netadapt.latency.measure.random_prunings import random_prunings
from netadapt.latency.model.estimator import LatencyEstimator
from netadapt.latency.runtimes.base import Runtime
from netadapt.latency.table.table import LookupTable
from netadapt.networks.onnx_export import at_widths, export_onnx

if TYPE_CHECKING:
    import pandas as pd
    from torch import Tensor, nn

    from netadapt.graph import LayerGraph

CHECK_SEED = 20_000
"""Apart from the seeds of plans: a table must not be checked on what it was planned for."""


@dataclass(frozen=True)
class Checked:
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
) -> Checked:
    """Predict and time `count` random prunings of `model`, whose `graph` is at full widths.

    `example`: the network's inputs at batch 1. Raises TableError when the table was not measured
    on this kind of runtime.
    """
    import pandas as pd

    difference = runtime_difference(table, runtime)
    if difference is not None:
        raise TableError(
            f"{difference}; measure the table anew with: netadapt lut build --device {table.name}"
        )
    estimator = LatencyEstimator(table, strict=False)
    exported = export_onnx(model, example)
    rows: list[dict[str, float]] = []
    for pruning in random_prunings(graph, count, seed=CHECK_SEED + seed):
        predicted = estimator.network(pruning)
        timing = runtime.measure_network(at_widths(exported, graph, pruning))
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


def summarize(networks: pd.DataFrame) -> Checked:
    """The figures of a check from its rows."""
    errors = networks["error"]
    ranks = networks["predicted_ms"].rank().corr(networks["measured_ms"].rank())
    return Checked(
        networks,
        mean_error=float(errors.abs().mean()),
        worst_error=float(errors.abs().max()),
        bias=float(errors.mean()),
        rank_correlation=float(ranks) if len(networks) > 1 else 1.0,
    )


def plot_check(checked: Checked, device: str, path: Path) -> None:
    """A scatter plot, predicted against measured milliseconds, with ±5 % and ±10 %."""
    measured, predicted = checked.networks["measured_ms"], checked.networks["predicted_ms"]
    low, high = (
        0.95 * min(measured.min(), predicted.min()),
        1.05 * max(measured.max(), predicted.max()),
    )
    figure = needed("matplotlib.figure", "report").Figure(figsize=(5, 5), layout="constrained")
    axes = figure.subplots()
    line = [low, high]
    axes.plot(line, line, color="0.3", linewidth=1)
    for share, shade in ((0.1, "0.92"), (0.05, "0.84")):
        axes.fill_between(
            line, [v * (1 - share) for v in line], [v * (1 + share) for v in line], color=shade
        )
    bars = [predicted - checked.networks["low_ms"], checked.networks["high_ms"] - predicted]
    axes.errorbar(measured, predicted, yerr=bars, fmt="o", markersize=4, linewidth=1)
    axes.set(
        xlim=line,
        ylim=line,
        xlabel="measured, ms",
        ylabel="predicted from the table, ms",
        title=(
            f"{device}: {len(measured)} networks, mean error {checked.mean_error:.1%}, "
            f"worst {checked.worst_error:.1%}"
        ),
    )
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=150, format=path.suffix[1:] or "png")


def runtime_difference(table: LookupTable, runtime: Runtime) -> str | None:
    """In what the runtime differs from the one `table` was measured with, a line; or None."""
    now = runtime.describe()
    for name in ("runtime", "target", "threads", "schedule"):
        was = table.meta.get(name)
        if was is not None and was != now[name]:
            return f"{table.path} was measured with {name} {was}, the device now has {now[name]}"
    return None
