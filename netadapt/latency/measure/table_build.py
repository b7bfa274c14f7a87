"""`lut build`: measures a device's table, row by row, so that stopping it loses one row at most.

What to measure comes from a planner, how from a runtime and `row_timing`; here rows are written as
they come, until they are enough or the time is over, and a sentinel layer shows whether the clock
drifts.
"""

from __future__ import annotations

import datetime
import math
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from netadapt.errors import DeviceError, InputError, TableError
from netadapt.graph.layer_shape import LayerShape
from netadapt.latency.devices.profile import DeviceProfile
from netadapt.latency.measure.calibration_networks import WholeNetwork, calibration
from netadapt.latency.measure.noise_watch import NoiseWatch
from netadapt.latency.measure.planner import Planner
from netadapt.latency.measure.row_timing import SPREAD_LIMIT, relative_spread, time_layer
from netadapt.latency.model.calibration import network_factor
from netadapt.latency.model.estimator import LatencyEstimator
from netadapt.latency.runtimes.base import Runtime, Timing, UnsupportedLayer, WrongOutput
from netadapt.latency.table.table import LookupTable
from netadapt.latency.table.table_row import TableRow
from netadapt.locks import take_lock

ROWS_SHARE = 0.8
"""Of a time limit, for the rows where whole networks are to be timed at last."""

MORE_ROWS = (20, 60)
"""What a longer build would buy is told for so many more rows."""

SENTINEL_EVERY = 15
DRIFT_LIMIT = 0.05
SAME_CONDITIONS = ("runtime", "runtime_version", "target", "threads", "schedule")
EMULATED = "emulated "
"""Before the schedule of every row of an emulated board: its times are no latencies."""


class BuildWatcher(Protocol):
    """What a build tells while it runs."""

    def measured(self, shape: LayerShape, timing: Timing, done: int, most: int) -> None:
        """A row has been written; `done` of at most `most` rows of the table."""
        ...

    def error(self, error: float) -> None:
        """Whole networks are now predicted within this relative error."""
        ...

    def note(self, text: str) -> None:
        """Something the user should know."""
        ...


class Silent:
    """A watcher that tells nobody."""

    def measured(self, shape: LayerShape, timing: Timing, done: int, most: int) -> None:
        """Nothing."""

    def error(self, error: float) -> None:
        """Nothing."""

    def note(self, text: str) -> None:
        """Nothing."""


@dataclass(frozen=True)
class Prospect:
    """What so many more rows would buy: seconds they take, and the error after them."""

    rows: int
    seconds: float
    error: float


@dataclass(frozen=True)
class Built:
    """What a build came to. `error`: relative, of whole networks, where it was estimated.

    `spread`: that half of the rows measured now stay below; None without any. `out_of_time`:
    whether the time limit ended it.
    """

    table: LookupTable
    added: int
    error: float | None
    drift: float
    seconds: float
    spread: float | None = None
    out_of_time: bool = False
    prospects: tuple[Prospect, ...] = ()


def build_table(
    profile: DeviceProfile,
    runtime: Runtime,
    planner: Planner,
    path: Path,
    *,
    tolerance: float,
    max_layers: int,
    time_limit_s: float = math.inf,
    wholes: Sequence[WholeNetwork] = (),
    watcher: BuildWatcher | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Built:
    """Measure until whole networks are predicted within `tolerance`, or `max_layers` rows stand.

    Or until `time_limit_s` is over: then the table is what it has come to. At last `wholes` are
    timed: what they take over the sum of their layers is the calibration. Continues the table at
    `path` where there is one. Raises TableError when another build holds it or it was measured
    under other conditions, DeviceError when the device fails; the rows written before stay.
    """
    watcher = watcher or Silent()
    start = clock()

    def late(share: float = 1.0) -> bool:
        return clock() - start >= share * time_limit_s

    def enough() -> bool:
        return bool(table.entries) and late(ROWS_SHARE if wholes else 1.0)

    runtime.reach()
    with table_lock(path):
        table = open_table(profile, runtime, path)
        before = len(table)
        writer = RowWriter(table, runtime, profile, watcher, max_layers, enough)
        drift = Sentinel(planner.sentinel, runtime, watcher, told=not profile.emulated)
        noise = NoiseWatch(tolerance, profile, watcher.note)
        drift.look()
        error: float | None = None
        estimator: LatencyEstimator | None = None
        while True:
            plan = planner.first(writer.known)
            if not plan.shapes:
                estimator = LatencyEstimator(table, strict=False)
                plan = planner.next(estimator, writer.known)
                error = plan.error
            if error is not None:
                watcher.error(error)
                if error <= tolerance:
                    break
            if not plan.shapes or len(table) >= max_layers or enough():
                break
            shapes = plan.shapes[: max_layers - len(table)]
            for refused in writer.measure(shapes, after_each=drift.tick):
                planner.refuse(refused)
            if not table.entries:
                raise DeviceError(
                    f"{profile.name} can run none of the network's layers; see: "
                    f"netadapt lut doctor --device {profile.name}"
                )
            noise.look(writer.spreads)
        out_of_time = enough()
        drift.look()
        each_s = (clock() - start) / max(1, len(table) - before)
        table.meta.update(rows=len(table), sentinel=drift.meta())
        if writer.spreads:
            table.meta["row_spread"] = round(statistics.median(writer.spreads), 4)
        if wholes:
            _calibrate(table, runtime, wholes, watcher, late)
        if error is not None:
            table.meta["predicted_error"] = round(error, 4)
        table.write()
        return Built(
            table,
            len(table) - before,
            error,
            drift.worst,
            clock() - start,
            statistics.median(writer.spreads) if writer.spreads else None,
            out_of_time,
            _prospects(planner, estimator, writer.known, each_s),
        )


def _prospects(
    planner: Planner, estimator: LatencyEstimator | None, known: set[LayerShape], each_s: float
) -> tuple[Prospect, ...]:
    if estimator is None:
        return ()
    errors = planner.outlook(estimator, known, MORE_ROWS)
    return tuple(
        Prospect(rows, rows * each_s, error) for rows, error in zip(MORE_ROWS, errors, strict=False)
    )


def _calibrate(
    table: LookupTable,
    runtime: Runtime,
    wholes: Sequence[WholeNetwork],
    watcher: BuildWatcher,
    enough: Callable[[], bool],
) -> None:
    watcher.note(f"timing {len(wholes)} whole networks")
    table.meta.pop("calibration", None)
    try:
        estimator = LatencyEstimator(table, strict=False)
        found = calibration(estimator, runtime, wholes, enough=enough)
    except (UnsupportedLayer, WrongOutput) as error:
        watcher.note(f"whole networks are not calibrated: {error}")
        return
    table.meta["calibration"] = found
    factor = network_factor(table)
    watcher.note(
        f"they take {factor.factor:.3f} times the sum of their layers, with a spread of "
        f"{factor.log_sd:.1%}"
    )


@contextmanager
def table_lock(table: Path) -> Iterator[None]:
    """Hold the table at this path for the block. Raises TableError while another build holds it."""
    lock = take_lock(
        table.with_suffix(".lock"),
        lambda holder: TableError(
            f"{table} is being written by another build (process {holder}); wait until it has "
            f"ended, or build another table with: netadapt lut build --out FILE"
        ),
    )
    try:
        yield
    finally:
        lock.release()


def open_table(profile: DeviceProfile, runtime: Runtime, path: Path) -> LookupTable:
    """The table at `path`, or a new one there, with what it was measured by in its .toml.

    Raises TableError when the rows it holds were measured under other conditions, InputError when
    its .toml would be the device's profile.
    """
    if profile.path is not None and profile.path.resolve() == path.with_suffix(".toml").resolve():
        raise InputError(
            f"{path} would keep its notes in {profile.path}, which is the device's profile; "
            f"choose another folder or name with --out"
        )
    told = {**runtime.describe(), **profile.to_meta()}
    table = LookupTable(profile.name, [], path=path)
    if path.is_file():
        table = LookupTable.read(path)
        for name in SAME_CONDITIONS:
            was = table.meta.get(name, told.get(name))
            if table.entries and was != told.get(name):
                raise TableError(
                    f"{path} was measured with {name} {was}, this would be {told.get(name)}: their "
                    f"rows don't belong in one table; move it away, or build another: netadapt "
                    f"lut build --device {profile.name} --out FILE"
                )
    today = datetime.date.today().isoformat()
    table.meta = {**table.meta, "device": profile.name, "date": today, **told}
    table.write()
    return table


class RowWriter:
    """Measures shapes and appends their rows. `spreads`: relative, of the rows appended."""

    def __init__(
        self,
        table: LookupTable,
        runtime: Runtime,
        profile: DeviceProfile,
        watcher: BuildWatcher,
        most: int,
        enough: Callable[[], bool] = lambda: False,
    ) -> None:
        self.table = table
        self.runtime = runtime
        self.watcher = watcher
        self.most = most
        self.enough = enough
        self.schedule = (EMULATED if profile.emulated else "") + runtime.schedule
        self.emulated = profile.emulated
        self.spreads: list[float] = []

    @property
    def known(self) -> set[LayerShape]:
        """The shapes that have a row."""
        return {entry.shape for entry in self.table.entries}

    def measure(
        self, shapes: Sequence[LayerShape], after_each: Callable[[], None] = lambda: None
    ) -> list[LayerShape]:
        """Measure `shapes` until `enough`, append a row each; gives those the device can't run."""
        refused = []
        for index, shape in enumerate(shapes):
            if self.enough():
                break
            for ahead in shapes[index : index + 4]:
                self.runtime.prepare(ahead)
            try:
                timing = self.time(shape)
            except (UnsupportedLayer, WrongOutput) as error:
                self.watcher.note(f"left out: {error}")
                refused.append(shape)
                continue
            self.table.append(
                TableRow(
                    shape=shape,
                    latency_ms=timing.latency_ms,
                    spread_ms=timing.spread_ms,
                    samples=len(timing.samples_ms),
                    schedule=self.schedule,
                )
            )
            self.spreads.append(relative_spread(timing))
            self.watcher.measured(shape, timing, len(self.table), self.most)
            after_each()
        return refused

    def time(self, shape: LayerShape) -> Timing:
        """Time a layer; what spreads too much is repeated until it comes to the same again."""
        if self.emulated:
            return self.runtime.measure(shape)
        timing, attempts = time_layer(self.runtime, shape, enough=self.enough)
        if relative_spread(timing) > SPREAD_LIMIT:
            self.watcher.note(
                f"{shape} spreads by {relative_spread(timing):.0%} after {attempts} attempts"
            )
        return timing


class Sentinel:
    """One layer timed again and again: when its time moves, so did the device's clock."""

    def __init__(
        self, shape: LayerShape, runtime: Runtime, watcher: BuildWatcher, *, told: bool = True
    ) -> None:
        self.told = told
        self.shape = shape
        self.runtime = runtime
        self.watcher = watcher
        self.times_ms: list[float] = []
        self.rows = 0
        self.broken = False

    @property
    def worst(self) -> float:
        """The largest relative change from the first time."""
        return max((abs(t / self.times_ms[0] - 1) for t in self.times_ms), default=0.0)

    def tick(self) -> None:
        """A row has been measured; looks every `SENTINEL_EVERY` rows."""
        self.rows += 1
        if self.rows % SENTINEL_EVERY == 0:
            self.look()

    def look(self) -> None:
        """Time the layer, and tell when it has drifted."""
        if self.broken:
            return
        try:
            self.times_ms.append(self.runtime.measure(self.shape).latency_ms)
        except (UnsupportedLayer, WrongOutput):
            self.broken = True  # the table's own notes say so
            return
        change = self.times_ms[-1] / self.times_ms[0] - 1
        if self.told and abs(change) > DRIFT_LIMIT:
            self.watcher.note(
                f"the clock drifts: {self.shape} takes {self.times_ms[-1]:.3g} ms, "
                f"{change:+.0%} against the beginning; fix the device's clocks or let it cool"
            )

    def meta(self) -> dict[str, Any]:
        """For the table's .toml."""
        return {
            "layer": str(self.shape),
            "times_ms": [float(f"{t:.5g}") for t in self.times_ms],
            "drift": round(self.worst, 4),
        }
