"""`--on-demand`: a search's way to the device whose table it reads.

Which layers are measured when is the loop's affair, how a row comes about `netadapt.latency`'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from netadapt.graph.layer_shape import LayerShape
from netadapt.latency.devices.profile import DeviceProfile
from netadapt.latency.measure.on_demand import OnDemand
from netadapt.latency.measure.table_build import Silent
from netadapt.latency.runtimes.base import Timing
from netadapt.latency.runtimes.registry import open_runtime
from netadapt.latency.table.table import LookupTable
from netadapt.pruning.callbacks import Watcher
from netadapt.pruning.run_folder import read_run


@contextmanager
def open_device(
    profile: DeviceProfile | None, table: LookupTable, watcher: Watcher
) -> Iterator[OnDemand | None]:
    """What measures the layers that `table` lacks on the device of `profile`; None without one.

    Raises TableError for a table of published figures, MissingExtraError without the runtime.
    """
    if profile is None:
        yield None
        return
    with open_runtime(profile) as runtime:
        yield OnDemand(profile, runtime, table, _Told(watcher))


def table_kept(table: LookupTable, folder: Path, *, on_demand: bool) -> dict[str, Any]:
    """What a run's configuration says of its table, and compares when the run is resumed.

    On demand rows are added while the run goes on: what must stay are those it began with.
    """
    if not on_demand:
        return {"table_sha256": table.hash}
    rows = len(table)
    if (folder / "run.json").exists():
        rows = read_run(folder)["configuration"].get("table_rows", rows)
    began = LookupTable(table.name, table.entries[:rows], table.meta, table.path)
    return {"on_demand": True, "table_rows": rows, "table_sha256": began.hash}


class _Told(Silent):
    """Tells a search's watcher what a build tells."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher

    def measured(self, shape: LayerShape, timing: Timing, done: int, most: int) -> None:
        self._watcher.measured(str(shape), timing.latency_ms, done, most)

    def note(self, text: str) -> None:
        self._watcher.note(text)
