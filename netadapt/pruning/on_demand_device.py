"""`--on-demand`: a search's way to the device whose table it reads.

Which layers are measured when is the search's affair, how a row comes about `netadapt.latency`'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from netadapt.graph.layer_shape import LayerShape
from netadapt.latency.devices.profile import DeviceProfile
from netadapt.latency.measure.on_demand import OnDemand
from netadapt.latency.measure.table_build import Silent
from netadapt.latency.runtimes.base import Timing
from netadapt.latency.runtimes.registry import open_runtime
from netadapt.latency.table.table import LookupTable
from netadapt.pruning.callbacks import Callback


@contextmanager
def open_device(
    profile: DeviceProfile, table: LookupTable, callback: Callback
) -> Iterator[OnDemand]:
    """What measures the layers that `table` lacks on the device of `profile`.

    Raises TableError for a table of published figures, MissingExtraError without the runtime.
    """
    with open_runtime(profile) as runtime:
        yield OnDemand(profile, runtime, table, _Told(callback))


class _Told(Silent):
    """Tells a search's callbacks what a build tells."""

    def __init__(self, callback: Callback) -> None:
        self._callback = callback

    def measured(self, shape: LayerShape, timing: Timing, done: int, most: int) -> None:
        self._callback.measured(str(shape), timing.latency_ms, done, most)

    def note(self, text: str) -> None:
        self._callback.note(text)
