"""`--on-demand`: a layer that a search needs and the table lacks is measured at that moment."""

from __future__ import annotations

from collections.abc import Iterable

from netadapt.errors import UnmeasuredError
from netadapt.graph.layer_shape import LayerShape
from netadapt.latency.devices.profile import DeviceProfile
from netadapt.latency.measure.table_build import (
    BuildWatcher,
    RowWriter,
    Silent,
    open_table,
    table_lock,
)
from netadapt.latency.runtimes.base import Runtime
from netadapt.latency.table.table import LookupTable


class OnDemand:
    """Measures missing layers of a device's table and appends their rows.

    The rows stand in the table like those of a build; an estimator fitted before doesn't know
    them, so a new one is to be fitted when `ensure` gives a table.
    """

    def __init__(
        self,
        profile: DeviceProfile,
        runtime: Runtime,
        table: LookupTable,
        watcher: BuildWatcher | None = None,
    ) -> None:
        if table.path is None or table.published:
            raise UnmeasuredError(
                f"{table.path or table.name} can't be added to: it holds published figures; "
                f"measure a table first with: netadapt lut build --device {profile.name}"
            )
        self._profile = profile
        self._runtime = runtime
        self._path = table.path
        self._table = table
        self._watcher = watcher or Silent()
        self._refused: set[LayerShape] = set()

    def ensure(self, shapes: Iterable[LayerShape]) -> LookupTable | None:
        """Measure those of `shapes` that have no row; the table with them.

        None if the table given before has them all: then the device isn't even looked for. A layer
        that the device can't run stays without a row and isn't asked for again. Raises DeviceError
        when the device fails, TableError while a build holds the table.
        """
        unknown = self._missing(self._table, shapes)
        if not unknown:
            return None
        if self._missing(LookupTable.read(self._path), unknown):
            self._runtime.reach()
            with table_lock(self._path):
                table = open_table(self._profile, self._runtime, self._path)
                missing = self._missing(table, unknown)
                most = len(table) + len(missing)
                writer = RowWriter(table, self._runtime, self._profile, self._watcher, most)
                self._refused.update(writer.measure(missing))
        # Read again: the file's digits are those that a later run will see.
        self._table = LookupTable.read(self._path)
        return self._table

    def _missing(self, table: LookupTable, shapes: Iterable[LayerShape]) -> list[LayerShape]:
        unique = dict.fromkeys(shapes)
        return [s for s in unique if s not in self._refused and table.find(s) is None]
