"""How far a table's estimates can be trusted: one shape left out at a time, and whole networks.

A left-out layer is predicted from a table without any row of its shape, in any series: prices,
posterior and the scale of the intervals are fitted anew. The Gaussian process's hyperparameters
are those of the whole table, or, with `refit`, searched anew each time too; how much other boards
count beside the own rows is what the whole table says. A left-out network is
always predicted from a table without the rows of all its layers, everything fitted anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from netadapt.errors import TableError
from netadapt.graph.layer_shape import LayerShape
from netadapt.latency.model.calibration import PublishedNetwork, published_networks
from netadapt.latency.model.estimator import LatencyEstimator
from netadapt.latency.model.family_model import NINETY_PERCENT
from netadapt.latency.model.features import family
from netadapt.latency.table.table import LookupTable
from netadapt.latency.table.table_row import TableRow, kernel_of

if TYPE_CHECKING:
    import pandas as pd

# A family of fewer rows says nothing when one of them is left out.
LEAST_ROWS = 3


@dataclass(frozen=True)
class LeftOutNetwork:
    """A whole network: measured, predicted with its rows, and predicted without them.

    `role` is 'calibration' (one price was fitted to it) or 'test'. Intervals are 90 %.
    """

    name: str
    role: str
    measured_ms: float
    predicted_ms: float
    low_ms: float
    high_ms: float
    left_out_ms: float
    left_out_low_ms: float
    left_out_high_ms: float

    @property
    def error(self) -> float:
        """Relative error with its rows in the table."""
        return self.predicted_ms / self.measured_ms - 1

    @property
    def left_out_error(self) -> float:
        """Relative error without them."""
        return self.left_out_ms / self.measured_ms - 1


@dataclass(frozen=True)
class TableCheck:
    """`layers`: a row a left-out shape (layer, family, in_network, ms, predicted_ms, low_ms,
    high_ms, error, inside). `repeats`: by family, the median and mean relative spread of shapes
    that were taken more than once, which no model can beat.
    """

    layers: pd.DataFrame
    networks: tuple[LeftOutNetwork, ...]
    repeats: dict[str, tuple[float, float]]

    def summary(self) -> list[dict[str, Any]]:
        """By family, and of all: mean and median error and the share inside 90 % intervals.

        First of the layers of the published networks, where there are any, then of all rows.
        """
        lines: list[dict[str, Any]] = []
        for scope, chosen in (
            ("networks' layers", self.layers[self.layers.in_network]),
            ("all rows", self.layers),
        ):
            if chosen.empty:
                continue
            groups = [*chosen.groupby("family", sort=True), ("all", chosen)]
            for name, rows in groups:
                lines.append(
                    {
                        "scope": scope,
                        "family": str(name),
                        "shapes": len(rows),
                        "mean_error": float(rows.error.abs().mean()),
                        "median_error": float(rows.error.abs().median()),
                        "inside_90": float(rows.inside.mean()),
                    }
                )
        return lines

    def to_meta(self) -> dict[str, Any]:
        """What the table's .toml says about the check."""
        return {
            "left_out_layers": [
                {key: round(v, 4) if isinstance(v, float) else v for key, v in line.items()}
                for line in self.summary()
            ],
            "networks": [
                {
                    "name": network.name,
                    "role": network.role,
                    "measured_ms": network.measured_ms,
                    "predicted_ms": round(network.predicted_ms, 3),
                    "left_out_ms": round(network.left_out_ms, 3),
                }
                for network in self.networks
            ],
        }


def check_table(table: LookupTable, *, refit: bool = False) -> TableCheck:
    """Check a table against itself. Raises TableError when it is too small for that."""
    import pandas as pd

    networks = published_networks(table)
    in_network = {kernel_of(shape) for network in networks for shape in network.layers}
    whole = LatencyEstimator.of(table)
    records: list[dict[str, Any]] = []
    for name, rows in _families(table).items():
        for shape in _own_shapes(rows):
            rest = [row for row in rows if kernel_of(row.shape) != shape]
            if len(rest) < LEAST_ROWS - 1:
                continue
            row = table.find(shape)
            if row is None or row.series:
                continue
            prediction = whole.left_out(shape, refit=refit)
            log_ms, spread = float(prediction.log_ms[0]), float(prediction.log_sd[0])
            low, high = np.exp(log_ms + NINETY_PERCENT * spread * np.array([-1, 1]))
            records.append(
                {
                    "layer": str(row.shape),
                    "family": name,
                    "in_network": shape in in_network,
                    "ms": row.latency_ms,
                    "predicted_ms": float(np.exp(log_ms)),
                    "low_ms": float(low),
                    "high_ms": float(high),
                    "error": float(np.exp(log_ms)) / row.latency_ms - 1,
                    "inside": bool(low <= row.latency_ms <= high),
                }
            )
    if not records:
        raise TableError(
            f"the table {table.path or table.name} is too small to check: no family of layers has "
            f"{LEAST_ROWS} rows"
        )
    return TableCheck(
        layers=pd.DataFrame(records),
        networks=tuple(_check_network(table, whole, network) for network in networks),
        repeats=_repeats(table),
    )


def _check_network(
    table: LookupTable, whole: LatencyEstimator, network: PublishedNetwork
) -> LeftOutNetwork:
    with_rows = whole.total(whole.layers(network.layers))
    without = LatencyEstimator(table.without(network.layers), strict=False)
    left_out = without.total(without.layers(network.layers))
    return LeftOutNetwork(network.name, network.role, network.latency_ms, *with_rows, *left_out)


def _families(table: LookupTable) -> dict[str, list[TableRow]]:
    families: dict[str, list[TableRow]] = {}
    for row in table.entries:
        families.setdefault(family(row.shape), []).append(row)
    return families


def _own_shapes(rows: Iterable[TableRow]) -> list[LayerShape]:
    return list(dict.fromkeys(kernel_of(row.shape) for row in rows if not row.series))


def _repeats(table: LookupTable) -> dict[str, tuple[float, float]]:
    repeats: dict[str, tuple[float, float]] = {}
    for name, rows in _families(table).items():
        spreads = [
            row.spread_ms / row.latency_ms
            for row in rows
            if row.spread_ms is not None and row.samples > 1
        ]
        if spreads:
            repeats[name] = (float(np.median(spreads)), float(np.mean(spreads)))
    return repeats
