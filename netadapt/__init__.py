"""Fit a trained CNN to a millisecond budget on a real device.

The public names are resolved when they are first used, so that `import netadapt` and the command's
`--help` load neither torch nor pandas.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netadapt.lazy import lazy_names

if TYPE_CHECKING:
    from netadapt.cost.estimator import Latency, LatencyEstimator
    from netadapt.cost.table import LookupTable
    from netadapt.graph import LayerGraph, cut, trace
    from netadapt.networks.store import load_model
    from netadapt.search.prune import Result, prune
    from netadapt.search.step import Step
    from netadapt.training.finetune import FineTuning
    from netadapt.training.task import ClassificationTask, DepthTask, Task

__version__ = "0.1.0"

_HOMES = {
    "ClassificationTask": "netadapt.training.task",
    "DepthTask": "netadapt.training.task",
    "FineTuning": "netadapt.training.finetune",
    "Latency": "netadapt.cost.estimator",
    "LatencyEstimator": "netadapt.cost.estimator",
    "LayerGraph": "netadapt.graph",
    "LookupTable": "netadapt.cost.table",
    "Result": "netadapt.search.prune",
    "Step": "netadapt.search.step",
    "Task": "netadapt.training.task",
    "cut": "netadapt.graph",
    "load_model": "netadapt.networks.store",
    "prune": "netadapt.search.prune",
    "search": "netadapt.search.prune",
    "trace": "netadapt.graph",
}

__all__ = [
    "ClassificationTask",
    "DepthTask",
    "FineTuning",
    "Latency",
    "LatencyEstimator",
    "LayerGraph",
    "LookupTable",
    "Result",
    "Step",
    "Task",
    "cut",
    "load_model",
    "prune",
    "search",
    "trace",
]

__getattr__ = lazy_names(__name__, _HOMES)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
