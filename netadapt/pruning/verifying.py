"""`--verify`: the network timed whole on its device, and what that corrects.

A table adds up kernels that were timed alone. Where a whole network takes another time than the
predicted interval allows, what is predicted from there on counts as much more or less. The
correction follows from the rows on disk, so a run that goes on takes the same decisions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from torch import Tensor, nn

from netadapt.graph.network_copy import copied
from netadapt.latency.runtimes.base import Runtime
from netadapt.networks.onnx_export import export_onnx
from netadapt.pruning.records import Interval, StepRecord

MORE_TIMINGS = 2
"""Of a network that took another time than expected."""


@dataclass(frozen=True)
class Verifier:
    """Times networks that take inputs as `example` on the device of the constraint `name`."""

    name: str
    runtime: Runtime
    every: int
    """Iterations between two timings; the network given and the last one are timed too."""
    example: tuple[Tensor, ...]

    def measured_ms(self, model: nn.Module, expected: Interval) -> float:
        """What the whole network takes; `model` stays as it is.

        A time that isn't `expected` decides much, and may be other work's on the device: then it is
        the median of three. Raises DeviceError when the device fails, ModelError where the network
        can't be exported.
        """
        inputs = tuple(tensor.cpu() for tensor in self.example)
        content = export_onnx(copied(model).cpu(), inputs)
        first = self.runtime.measure_network(content).latency_ms
        if expected.holds(first):
            return first
        more = (self.runtime.measure_network(content).latency_ms for _ in range(MORE_TIMINGS))
        return median([first, *more])

    def said_of(self, record: StepRecord, budget: float) -> str:
        """What the user should know of a network that was timed, a line."""
        latency, measured = record.latency, record.measured_ms
        assert latency is not None
        assert measured is not None
        line = (
            f"timed whole on {self.name}: {measured:.4g} ms; predicted were {latency.value:.4g} ms "
            f"({latency.low:.4g} to {latency.high:.4g})"
        )
        factor = correction([record])
        if factor == 1:
            return line
        return (
            f"{line}, so the budget of {budget:.4g} ms is one of {budget / factor:.4g} predicted "
            f"ms from here on"
        )


def correction(records: Sequence[StepRecord]) -> float:
    """What a network takes for what is predicted: measured over predicted, by the last timing.

    1 where that lay within the predicted interval, and where nothing was timed.
    """
    for record in reversed(records):
        latency, measured = record.latency, record.measured_ms
        if latency is not None and measured is not None:
            return 1.0 if latency.holds(measured) else measured / latency.value
    return 1.0
