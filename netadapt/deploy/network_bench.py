"""Several networks timed on several devices, beside one another: the figures of each, compared.

How one network is timed and predicted is `network_timing.py`'s. How accurate a network is, whoever
calls says.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from netadapt.deploy.network_memory import NetworkMemory
from netadapt.deploy.network_timing import Bench, time_network
from netadapt.errors import InputError
from netadapt.latency.devices.profile import DeviceProfile
from netadapt.latency.runtimes.registry import open_runtime
from netadapt.networks.config import Shapes


@dataclass(frozen=True)
class Figures:
    """What `model` took on `device`, and what is known of it beside that.

    `first_of_device` is the network that `speed_up` compares with. `accuracy` is {} where no data
    were given.
    """

    model: str
    device: str
    emulated: bool
    bench: Bench
    accuracy: Mapping[str, float] = field(default_factory=dict)
    first_of_device: Bench | None = None

    @property
    def measured_ms(self) -> float:
        """The lower decile of all runs."""
        return self.bench.timing.latency_ms

    @property
    def median_ms(self) -> float:
        """Half of the runs took less."""
        return statistics.median(self.bench.timing.samples_ms)

    @property
    def frames_per_second(self) -> float:
        """Of the median run, one after the other."""
        return 1000 / self.median_ms

    @property
    def memory(self) -> NetworkMemory | None:
        """What it holds at once; None where that can't be counted."""
        return self.bench.memory

    @property
    def speed_up(self) -> float | None:
        """How many times as fast as the first network of the device, as measured."""
        first = self.first_of_device
        return None if first is None else first.timing.latency_ms / self.measured_ms

    @property
    def predicted_speed_up(self) -> float | None:
        """The same, as the table predicts."""
        first, own = self.first_of_device, self.bench.predicted
        if first is None or first.predicted is None or own is None:
            return None
        return first.predicted.ms / own.ms

    def to_json(self) -> dict[str, Any]:
        """Every figure, None where it isn't known."""
        timing, predicted, table = self.bench.timing, self.bench.predicted, self.bench.table
        return {
            "model": self.model,
            "device": self.device,
            "emulated": self.emulated,
            "measured_ms": self.measured_ms,
            "spread_ms": timing.spread_ms,
            "median_ms": self.median_ms,
            "samples_ms": list(timing.samples_ms),
            "frames_per_second": self.frames_per_second,
            "weights_bytes": self.memory and self.memory.weights_bytes,
            "peak_bytes": self.memory and self.memory.peak_bytes,
            "predicted_ms": predicted and predicted.ms,
            "low_ms": predicted and predicted.low_ms,
            "high_ms": predicted and predicted.high_ms,
            "error": self.bench.error,
            "speed_up": self.speed_up,
            "predicted_speed_up": self.predicted_speed_up,
            "accuracy": dict(self.accuracy),
            "table": table and str(table.path),
            "published": table and table.published,
            "notes": list(self.bench.notes),
        }


def bench_networks(
    models: Sequence[str],
    profiles: Mapping[str, DeviceProfile],
    *,
    input_size: tuple[int, int] | None = None,
    input_shapes: Shapes | None = None,
    accuracy_of: Callable[[str], Mapping[str, float]] = lambda model: {},
    told: Callable[[str], None] = lambda text: None,
) -> Iterator[Figures]:
    """Time every model on every device, device by device; each as soon as it is done.

    `profiles` by the devices' names, which name the tables; `accuracy_of` is asked once for each
    model, before anything is timed; `told` hears what is being done. Raises what `time_network`
    raises, and InputError for a model that is named twice.
    """
    if twice := [model for index, model in enumerate(models) if model in models[:index]]:
        raise InputError(f"{twice[0]} is named twice; leave one out")
    for model in models:
        if model.endswith(".onnx") and not Path(model).is_file():
            raise InputError(f"cannot read {model}: No such file or directory")
    for profile in profiles.values():
        with open_runtime(profile) as runtime:
            runtime.reach()  # a missing board is told before anything is evaluated
    accuracy = {model: accuracy_of(model) for model in models}
    for device, profile in profiles.items():
        first: Bench | None = None
        with open_runtime(profile) as runtime:
            for model in models:
                if len(models) * len(profiles) > 1:
                    told(f"timing {model} on {device}")
                bench = time_network(
                    model, device, runtime, input_size=input_size, input_shapes=input_shapes
                )
                first = first or bench
                yield Figures(model, device, profile.emulated, bench, accuracy[model], first)


def figures_table(figures: Sequence[Figures]) -> list[list[str]]:
    """The figures as rows of text, the heads first.

    A column that nothing is known for is left out.
    """
    columns = ["model", "device", *FIGURE_COLUMNS, *metrics_of(figures)]
    cells = [_cells(one) for one in figures]
    kept = [column for column in columns if any(row.get(column) for row in cells)]
    return [kept, *([row.get(column, "") for column in kept] for row in cells)]


def metrics_of(figures: Sequence[Figures]) -> list[str]:
    """The metrics that any of the networks was judged by."""
    return list(dict.fromkeys(name for one in figures for name in one.accuracy))


def _cells(one: Figures) -> dict[str, str]:
    """A network's row by the columns' names; '' for what isn't known."""
    bench, predicted, memory = one.bench, one.bench.predicted, one.memory
    return {
        "model": one.model,
        "device": one.device,
        "ms": f"{one.measured_ms:.4g}",
        "median": f"{one.median_ms:.4g}",
        "spread": f"{bench.timing.spread_ms:.2g}",
        "fps": f"{one.frames_per_second:.4g}",
        "speed-up": _times(one.speed_up),
        "predicted": "" if predicted is None else f"{predicted.ms:.4g}",
        "interval": ""
        if predicted is None
        else f"{predicted.low_ms:.4g} to {predicted.high_ms:.4g}",
        "error": "" if bench.error is None else f"{bench.error:+.1%}".replace("%", " %"),
        "predicted speed-up": _times(one.predicted_speed_up),
        "memory, MB": "" if memory is None else f"{memory.peak_bytes / 1e6:.1f}",
        **{name: f"{value:.4f}" for name, value in one.accuracy.items()},
    }


def _times(factor: float | None) -> str:
    return "" if factor is None else f"{factor:.2f}×"


FIGURE_COLUMNS: Mapping[str, str] = {
    "ms": "Measured: the lower decile of all runs, since other work only ever adds time.",
    "median": "Half of the runs took less, in milliseconds.",
    "spread": "Standard deviation of the faster half of the runs, in milliseconds.",
    "fps": "Runs a second, one after the other, at the median.",
    "speed-up": "How many times as fast as the first network on the device, as measured.",
    "predicted": "Milliseconds by the device's table.",
    "interval": "The 90 % interval of the prediction, in milliseconds.",
    "error": "Predicted over measured, less 1.",
    "predicted speed-up": "How many times as fast as the first network, by the table.",
    "memory, MB": "Weights and the most activations alive at once, counted: the least it needs.",
}
"""The columns between the device and the metrics, with what each says."""
