"""Fit a trained CNN to a millisecond budget on a real device.

The public names are resolved when they are first used, so that `import netadapt` and the command's
`--help` load neither torch nor pandas.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netadapt.lazy import lazy_names

if TYPE_CHECKING:
    from netadapt.graph import LayerGraph, cut, trace
    from netadapt.graph.ops.op_registry import register_op
    from netadapt.graph.ops.spec import OpSpec
    from netadapt.latency.model.estimator import Latency, LatencyEstimator
    from netadapt.latency.runtimes.registry import register_runtime
    from netadapt.latency.table.table import LookupTable
    from netadapt.networks.store import load_model
    from netadapt.pruning.search import Result, prune
    from netadapt.pruning.step import Step
    from netadapt.training.finetune import FineTuning
    from netadapt.training.task import ClassificationTask, DepthTask, Task

__version__ = "0.1.0"

_HOMES = {
    "ClassificationTask": "netadapt.training.task",
    "DepthTask": "netadapt.training.task",
    "FineTuning": "netadapt.training.finetune",
    "Latency": "netadapt.latency.model.estimator",
    "LatencyEstimator": "netadapt.latency.model.estimator",
    "LayerGraph": "netadapt.graph",
    "LookupTable": "netadapt.latency.table.table",
    "OpSpec": "netadapt.graph.ops.spec",
    "Result": "netadapt.pruning.search",
    "Step": "netadapt.pruning.step",
    "Task": "netadapt.training.task",
    "cut": "netadapt.graph",
    "load_model": "netadapt.networks.store",
    "prune": "netadapt.pruning.search",
    "register_op": "netadapt.graph.ops.op_registry",
    "register_runtime": "netadapt.latency.runtimes.registry",
    "search": "netadapt.pruning.search",
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
    "OpSpec",
    "Result",
    "Step",
    "Task",
    "cut",
    "load_model",
    "prune",
    "register_op",
    "register_runtime",
    "search",
    "trace",
]

__getattr__ = lazy_names(__name__, _HOMES)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
