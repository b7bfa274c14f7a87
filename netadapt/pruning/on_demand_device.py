"""A search's way to the devices whose tables it reads: for rows that lack, and for whole networks.

Which layers and networks are measured when is the search's affair, how a row comes about
`netadapt.latency`'s.
"""

from __future__ import annotations

from contextlib import ExitStack

from torch import Tensor

from netadapt.errors import InputError
from netadapt.extras import needed
from netadapt.graph.layer_shape import LayerShape
from netadapt.latency.devices.profile import DeviceProfile
from netadapt.latency.measure.network_check import runtime_difference
from netadapt.latency.measure.on_demand import OnDemand
from netadapt.latency.measure.table_build import Silent
from netadapt.latency.runtimes.base import Runtime, Timing
from netadapt.latency.runtimes.registry import open_runtime
from netadapt.latency.table.table import LookupTable
from netadapt.pruning.callbacks import Callback
from netadapt.pruning.constraints.budgets import Budgets
from netadapt.pruning.constraints.device_latency import DeviceLatency
from netadapt.pruning.constraints.registry import label_of
from netadapt.pruning.verifying import Verifier


class OpenDevices:
    """The devices of a search, each opened once and closed with `held`."""

    def __init__(self, callback: Callback, held: ExitStack) -> None:
        self._callback = callback
        self._held = held
        self._open: list[tuple[DeviceProfile, Runtime]] = []

    def measuring(self, profile: DeviceProfile, table: LookupTable) -> OnDemand:
        """What measures the layers that `table` lacks on the device of `profile`.

        Raises TableError for a table of published figures, MissingExtraError without the runtime.
        """
        return OnDemand(profile, self._runtime(profile), table, _Told(self._callback))

    def verifying(
        self, profile: DeviceProfile, budgets: Budgets, every: int, example: tuple[Tensor, ...]
    ) -> Verifier:
        """What times whole networks on the first device of `budgets`, which must be there.

        Raises InputError where that isn't the profile's, DeviceError when it can't be reached.
        """
        first = next(iter(budgets.on_devices), None)
        if first is None:
            raise InputError(
                f"nothing can be verified on {profile.name}: the budget is on "
                f"{', '.join(budgets.most)}; give one on a device, as tx2=6"
            )
        if len(budgets.on_devices) > 1 and label_of(first.name) != profile.name:
            raise InputError(
                f"networks are verified on the first device of the budget, {first.name}, not on "
                f"{profile.name}; name that one first"
            )
        needed("onnxscript", "onnx")
        runtime = self._runtime(profile)
        runtime.reach()  # a missing board is told before anything is trained
        if isinstance(first, DeviceLatency):
            difference = runtime_difference(first.table, runtime)
            if difference is not None:
                self._callback.note(f"not the same conditions: {difference}")
        return Verifier(first.name, runtime, every, example)

    def _runtime(self, profile: DeviceProfile) -> Runtime:
        for known, runtime in self._open:
            if known == profile:
                return runtime
        runtime = self._held.enter_context(open_runtime(profile))
        self._open.append((profile, runtime))
        return runtime


class _Told(Silent):
    """Tells a search's callbacks what a build tells."""

    def __init__(self, callback: Callback) -> None:
        self._callback = callback

    def measured(self, shape: LayerShape, timing: Timing, done: int, most: int) -> None:
        self._callback.measured(str(shape), timing.latency_ms, done, most)

    def note(self, text: str) -> None:
        self._callback.note(text)
