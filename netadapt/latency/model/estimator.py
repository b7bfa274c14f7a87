"""Latency of layers and whole networks from a lookup table.

A layer that has a row costs what the row says. Any other is modelled from the rows of its family
and, where these are few, from what other boards teach, with an interval; a family without any row
is refused, or, on request, marked. What the table's .toml says about whole networks is added where
single-kernel timings leave something out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np

from netadapt.errors import TableError, UnmeasuredError
from netadapt.graph.layer_shape import LayerShape
from netadapt.latency.model.blended_family import ENOUGH_ROWS, BlendedFamily, own_share
from netadapt.latency.model.calibration import calibration_price, network_factor, published_networks
from netadapt.latency.model.family_model import (
    NINETY_PERCENT,
    FamilyModel,
    Prediction,
    find_block,
    unsearched,
)
from netadapt.latency.model.features import (
    Array,
    Workers,
    family,
    is_memory_bound,
    traffic_bytes,
    weight_bytes,
)
from netadapt.latency.model.fit import Fit, fit_file, keep_fit, kept_fit
from netadapt.latency.model.other_boards import OtherBoards, boards_beside
from netadapt.latency.model.roofline import LEAST_MS
from netadapt.latency.model.taught_model import Rooflines, TaughtModel
from netadapt.latency.model.telling_rows import telling_rows
from netadapt.latency.table.table import LookupTable
from netadapt.latency.table.table_row import TableRow, kernel_of

if TYPE_CHECKING:
    import pandas as pd

# Standard deviations of log time where no rows of the kind can tell them.
ROW_NOISE = 0.02
TRAFFIC_SPREAD = 0.2
UNSUPPORTED_SPREAD = 0.7
# A layer of an unsupported family borrows the rows of the nearest one there is.
NEAREST_FAMILY = ("convolution", "linear", "depthwise")

NOTHING_FITTED = Fit()


@dataclass(frozen=True, slots=True)
class LayerLatency:
    """One layer's share of a network's latency, with a 90 % interval.

    `ms` = `kernel_ms` (the row's, or the model's) + `overhead_ms` (what the table's calibration
    adds in a whole network). `source`: 'measured' or 'published' for a row, else 'modelled'.
    `supported` is False where the table has no row of the family.
    """

    shape: LayerShape
    ms: float
    low_ms: float
    high_ms: float
    source: str
    kernel_ms: float
    overhead_ms: float
    log_sd: float
    supported: bool = True


@dataclass(frozen=True)
class Latency:
    """A network's latency with a 90 % interval, and a row a layer.

    `layers` has the columns name, layer, ms, low_ms, high_ms, source, kernel_ms, overhead_ms,
    family. `unsupported` names the families that the table has no row of.
    """

    ms: float
    low_ms: float
    high_ms: float
    layers: pd.DataFrame
    unsupported: tuple[str, ...] = ()

    @property
    def guess(self) -> str | None:
        """What to tell of the unsupported families, a line; None where there are none."""
        if not self.unsupported:
            return None
        return (
            f"the table has no rows for {', '.join(self.unsupported)}: these layers are guessed "
            f"from others, to a factor of three"
        )


class NamedLayer(Protocol):
    """What the estimator needs of a layer of a graph."""

    @property
    def name(self) -> str: ...

    @property
    def shape(self) -> LayerShape: ...


class Graph(Protocol):
    """What the estimator needs of a network."""

    @property
    def layers(self) -> Sequence[NamedLayer]: ...


class LatencyEstimator:
    """Fitted once to a table; estimates are kept by shape.

    With `strict`, a layer of a family that the table has no row of, and that is no mere data
    movement, raises TableError; without, it is named in `Latency.unsupported` and estimated from
    what other boards teach, or from the nearest family with an interval of a factor three. What
    `fit` holds is not searched again. `boards` are those that teach, the shipped ones but the
    table's own where they aren't given; `OtherBoards(())`: the own rows alone.
    """

    def __init__(
        self,
        table: LookupTable,
        *,
        strict: bool = True,
        fit: Fit = NOTHING_FITTED,
        boards: OtherBoards | None = None,
    ) -> None:
        if not table.entries:
            raise TableError(f"the table {table.path or table.name} holds no rows")
        self.table = table
        self.strict = strict
        self._workers = Workers.from_meta(table.meta)
        rows: dict[str, list[TableRow]] = {}
        for entry in table.entries:
            rows.setdefault(family(entry.shape), []).append(entry)
        self._row_noise = _row_noise(rows)
        rows = {name: telling_rows(members, self._workers) for name, members in rows.items()}
        self._rows = rows
        self.block = fit.block or find_block(rows.values(), self._workers)
        """How many channels the device's kernels take at once, found from the rows."""
        self._models = {
            name: FamilyModel(members, self._workers, fit.hyperparameters.get(name), self.block)
            for name, members in rows.items()
        }
        self.boards = boards_beside(table) if boards is None else boards
        self._blends = self._blend(fit.own_shares)
        self._known: dict[LayerShape, LayerLatency] = {}
        self._weight_price = 0.0  # ms per 10⁶ bytes
        self._in_network = network_factor(table)
        self._traffic_price = self._table_traffic_price()
        self._calibrate()

    @classmethod
    def of(cls, table: LookupTable, *, strict: bool = True) -> LatencyEstimator:
        """An estimator of a table that stays as it is: its fit is kept for the next command.

        Raises as the class does.
        """
        boards = boards_beside(table)
        file = fit_file(table, boards)
        kept = None if file is None else kept_fit(file)
        estimator = cls(table, strict=strict, fit=kept or NOTHING_FITTED, boards=boards)
        if file is not None and kept is None:
            keep_fit(estimator.fit, file)
        return estimator

    @property
    def fit(self) -> Fit:
        """The expensive part of fitting: another estimator of this table can have it."""
        found = {name: model.hyperparameters for name, model in self._models.items()}
        return Fit(found, self.block, self.own_shares)

    @property
    def fitted_rows(self) -> list[TableRow]:
        """The rows that the models are fitted to: all of the table's, but for a very large one."""
        return [row for rows in self._rows.values() for row in rows]

    @property
    def own_shares(self) -> dict[str, float]:
        """By family, how much the table's own rows count beside what other boards teach, 0 to 1."""
        return {name: blend.own_share for name, blend in self._blends.items()}

    def left_out(self, shape: LayerShape, *, refit: bool = False) -> Prediction:
        """What the table says of `shape` without any row of it, its family fitted anew.

        Padding and shares stay those of the whole table; so do the hyperparameters without
        `refit`. The family must keep a row.
        """
        name, kernel = family(shape), kernel_of(shape)
        rows = [row for row in self.fitted_rows if kernel_of(row.shape) != kernel]
        own = FamilyModel(
            [row for row in rows if family(row.shape) == name],
            self._workers,
            None if refit else self._models[name].hyperparameters,
            self.block,
        )
        share = self._blends[name].own_share
        blend = BlendedFamily(own)
        if share < 1:
            taught = TaughtModel(rows, self.boards, _rooflines({**self._models, name: own}))
            blend = BlendedFamily(own, taught, share)
        return blend.predict([shape])

    @property
    def prices(self) -> dict[str, float]:
        """ms per 10⁶ bytes that memory-bound layers without rows move, and of weights."""
        return {"traffic": self._traffic_price, "weights": self._weight_price}

    def layers(self, shapes: Iterable[LayerShape]) -> list[LayerLatency]:
        """The latency of each shape, in order. Raises TableError as the class says."""
        wanted = list(shapes)
        missing = dict.fromkeys(shape for shape in wanted if shape not in self._known)
        if missing:
            self._estimate(list(missing))
        return [self._known[shape] for shape in wanted]

    def network_ms(self, shapes: Iterable[LayerShape]) -> float:
        """Sum of the layers' latencies in milliseconds."""
        return math.fsum(layer.ms for layer in self.layers(shapes))

    def uncertainty(self, shapes: Iterable[LayerShape]) -> Array:
        """Standard deviation of log time of each shape, [N]: where measuring would teach most."""
        return np.array([layer.log_sd for layer in self.layers(shapes)])

    def correlation(self, shapes: Sequence[LayerShape]) -> Array:
        """How the errors of modelled shapes of one family go together, [N, N].

        Those of a family without rows err wholly together.
        """
        blend = self._blends.get(family(shapes[0]))
        if blend is None:
            return np.ones((len(shapes), len(shapes)))
        return blend.correlation(shapes)

    def network(self, graph: Graph) -> Latency:
        """The latency of a network: the sum of its layers, their errors taken as correlated."""
        import pandas as pd

        estimates = self.layers(layer.shape for layer in graph.layers)
        frame = pd.DataFrame(
            [
                {
                    "name": layer.name,
                    "layer": str(layer.shape),
                    "ms": estimate.ms,
                    "low_ms": estimate.low_ms,
                    "high_ms": estimate.high_ms,
                    "source": estimate.source,
                    "kernel_ms": estimate.kernel_ms,
                    "overhead_ms": estimate.overhead_ms,
                    "family": family(layer.shape),
                }
                for layer, estimate in zip(graph.layers, estimates, strict=True)
            ]
        )
        total, low, high = self.total(estimates)
        unsupported = dict.fromkeys(family(e.shape) for e in estimates if not e.supported)
        return Latency(total, low, high, frame, tuple(unsupported))

    def total(self, estimates: Sequence[LayerLatency]) -> tuple[float, float, float]:
        """Milliseconds of a network of these layers, and the ends of a 90 % interval.

        Modelled layers of one family err together as far as their Gaussian process says, equal
        layers and traffic-priced ones wholly; rows err on their own.
        """
        total = math.fsum(estimate.ms for estimate in estimates)
        absolute: dict[LayerShape, float] = {}  # standard deviation in ms, equal layers added
        for estimate in estimates:
            absolute[estimate.shape] = (
                absolute.get(estimate.shape, 0.0) + estimate.ms * estimate.log_sd
            )
        variance = 0.0
        by_family: dict[str, list[LayerShape]] = {}
        for shape, deviation in absolute.items():
            if self._known[shape].source == "modelled":
                by_family.setdefault(family(shape), []).append(shape)
            else:
                variance += deviation**2
        without_rows = 0.0
        for name, shapes in by_family.items():
            deviations = np.array([absolute[shape] for shape in shapes])
            if name in self._models:
                variance += float(deviations @ self.correlation(shapes) @ deviations)
            else:
                without_rows += float(deviations.sum())
        variance += without_rows**2
        variance += (total * self._in_network.log_sd) ** 2
        spread = NINETY_PERCENT * math.sqrt(variance) / total if total > 0 else 0.0
        return total, total * math.exp(-spread), total * math.exp(spread)

    def _estimate(self, shapes: list[LayerShape]) -> None:
        by_family: dict[str, list[LayerShape]] = {}
        for shape in shapes:
            row = self.table.find(shape)
            if row is not None and not row.series:
                noise = self._noise_of(row)
                self._keep(shape, row.latency_ms, noise, row.source)
            else:
                by_family.setdefault(family(shape), []).append(shape)
        for name, members in by_family.items():
            if name in self._models:
                for shape in members:
                    # One by one: in a batch the last digits would depend on what else is asked,
                    # and a run that goes on asks otherwise than one that was never stopped.
                    prediction = self._blends[name].predict([shape])
                    log_ms, log_sd = prediction.log_ms[0], prediction.log_sd[0]
                    self._keep(shape, math.exp(log_ms), float(log_sd), "modelled")
            elif is_memory_bound(members[0]):
                for shape in members:
                    ms = self._traffic_price * traffic_bytes(shape) / 1e6
                    self._keep(shape, ms, TRAFFIC_SPREAD, "modelled")
            else:
                self._estimate_unsupported(name, members)

    def _estimate_unsupported(self, name: str, shapes: list[LayerShape]) -> None:
        if self.strict:
            raise UnmeasuredError(
                f"the table {self.table.path or self.table.name} has no row for {name} layers "
                f"({shapes[0]}) to model one from; measure some on the device with: "
                f"netadapt lut build --device {self.table.name}"
            )
        for shape in shapes:
            ms, log_sd = self._guess(name, shape)
            self._keep(shape, ms, log_sd, "modelled", supported=False)

    def _guess(self, name: str, shape: LayerShape) -> tuple[float, float]:
        """A layer of a family without rows: what other boards teach, or the nearest family says."""
        if self._taught is not None and name in self.boards.families:
            prediction = self._taught.predict([shape])
            return math.exp(prediction.log_ms[0]), float(prediction.log_sd[0])
        nearest = next((n for n in NEAREST_FAMILY if n in self._models), None)
        if nearest is not None:
            return math.exp(self._models[nearest].log_roofline([shape])[0]), UNSUPPORTED_SPREAD
        moved = traffic_bytes(shape) + weight_bytes(shape)
        return self._traffic_price * moved / 1e6, UNSUPPORTED_SPREAD

    def _blend(self, shares: Mapping[str, float]) -> dict[str, BlendedFamily]:
        """Every family's own model beside what the other boards teach of it, by their worth."""
        blends = {name: BlendedFamily(model) for name, model in self._models.items()}
        for name in self._teachable:
            share = shares.get(name)
            if share is None and _own_rows(self._rows[name]) >= ENOUGH_ROWS:
                share = 1.0
            if share == 1.0:
                continue  # without what other boards teach: it is slow to fit
            taught = self._taught
            assert taught is not None
            if share is None:
                alone = unsearched(self._rows[name], self._workers, self.block)
                share = own_share(alone.left_out_errors(), taught.left_out_errors(name))
            blends[name] = BlendedFamily(self._models[name], taught, share)
        return blends

    @property
    def _teachable(self) -> list[str]:
        """The table's families that other boards know too."""
        return [
            name
            for name, rows in self._rows.items()
            if name in self.boards.families and _own_rows(rows)
        ]

    @cached_property
    def _taught(self) -> TaughtModel | None:
        """What other boards teach of all these families; None where there are none."""
        own_rows = [row for name in self._teachable for row in self._rows[name]]
        if not own_rows:
            return None
        return TaughtModel(own_rows, self.boards, _rooflines(self._models))

    def _keep(
        self,
        shape: LayerShape,
        kernel_ms: float,
        log_sd: float,
        source: str,
        *,
        supported: bool = True,
    ) -> None:
        kernel_ms = max(kernel_ms, LEAST_MS)
        weights_ms = self._weight_price * weight_bytes(shape) / 1e6
        ms = kernel_ms * self._in_network.factor
        low = ms * math.exp(-NINETY_PERCENT * log_sd)
        high = ms * math.exp(NINETY_PERCENT * log_sd)
        self._known[shape] = LayerLatency(
            shape=shape,
            ms=ms + weights_ms,
            low_ms=low + weights_ms * math.exp(-NINETY_PERCENT * TRAFFIC_SPREAD),
            high_ms=high + weights_ms * math.exp(NINETY_PERCENT * TRAFFIC_SPREAD),
            source=source,
            kernel_ms=kernel_ms,
            overhead_ms=ms + weights_ms - kernel_ms,
            log_sd=log_sd,
            supported=supported,
        )

    def _noise_of(self, row: TableRow) -> float:
        """Relative noise of a row: its own spread where it was measured repeatedly."""
        pooled = self._row_noise.get(family(row.shape), ROW_NOISE)
        if row.source == "measured" and row.spread_ms is not None:
            return max(row.spread_ms / row.latency_ms, ROW_NOISE / 2)
        return pooled

    def _table_traffic_price(self) -> float:
        """ms per 10⁶ bytes from the table's own kernels: the ones with least arithmetic first."""
        names = [name for name in self._models if is_memory_bound(_any_shape(self.table, name))]
        for name in (*names, "depthwise", "convolution"):
            if name in self._models and self._models[name].ms_per_megabyte > 0:
                return self._models[name].ms_per_megabyte
        totals = [(row.latency_ms, traffic_bytes(row.shape)) for row in self.table.entries]
        return float(np.median([ms / (moved / 1e6) for ms, moved in totals]))

    def _calibrate(self) -> None:
        """Settle the one price that the table's calibration networks are there for."""
        price = calibration_price(self.table)
        references = [n for n in published_networks(self.table) if n.role == "calibration"]
        if price not in ("traffic", "weights") or not references:
            return
        excess = amount = 0.0
        for network in references:
            priced = [shape for shape in network.layers if self._carries(price, shape)]
            rest = (
                network.layers
                if price == "weights"
                else [shape for shape in network.layers if not self._carries(price, shape)]
            )
            excess += network.latency_ms - self.network_ms(rest)
            amount += sum(map(weight_bytes if price == "weights" else traffic_bytes, priced)) / 1e6
        self._known.clear()
        settled = max(excess, 0.0) / amount if amount else 0.0
        if price == "weights":
            self._weight_price = settled
        else:
            self._traffic_price = settled

    def _carries(self, price: str, shape: LayerShape) -> bool:
        if price == "weights":
            return shape.weights > 0
        return is_memory_bound(shape) and family(shape) not in self._models


def _rooflines(models: Mapping[str, FamilyModel]) -> Rooflines:
    """The rooflines of several families as one."""

    def log_ms(shapes: Sequence[LayerShape]) -> Array:
        named = [(models.get(family(shape)), shape) for shape in shapes]
        return np.array([math.nan if m is None else m.log_roofline([s])[0] for m, s in named])

    return log_ms


def _own_rows(rows: Iterable[TableRow]) -> int:
    """How many of the rows are no second series."""
    return sum(not row.series for row in rows)


def _any_shape(table: LookupTable, name: str) -> LayerShape:
    return next(entry.shape for entry in table.entries if family(entry.shape) == name)


def _row_noise(rows: dict[str, list[TableRow]]) -> dict[str, float]:
    """By family, the median relative spread of the rows that were taken more than once."""
    noise: dict[str, float] = {}
    for name, members in rows.items():
        spreads = [row.spread_ms / row.latency_ms for row in members if row.spread_ms is not None]
        if spreads:
            noise[name] = max(float(np.median(spreads)), ROW_NOISE / 2)
    return noise
