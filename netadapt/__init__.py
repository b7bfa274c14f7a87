"""Fit a trained CNN to a millisecond budget on a real device.

The public names are resolved when they are first used, so that `import netadapt` and the command's
`--help` load neither torch nor pandas. The exceptions are those of `netadapt.errors`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netadapt.lazy import lazy_names
from netadapt.version import __version__ as __version__

if TYPE_CHECKING:
    from netadapt.depth.training.depth_task import DepthTask
    from netadapt.graph import ChannelGroup, LayerGraph, LayerShape, cut, trace
    from netadapt.graph.ops.op_registry import register_op
    from netadapt.graph.ops.spec import OpSpec
    from netadapt.latency.devices.profile import DeviceProfile, load_profile
    from netadapt.latency.model.estimator import Latency, LatencyEstimator
    from netadapt.latency.runtimes.base import Runtime, Timing
    from netadapt.latency.runtimes.registry import register_runtime
    from netadapt.latency.table.table import LookupTable
    from netadapt.networks.registry import register_network
    from netadapt.networks.store import load_model, save_model
    from netadapt.pruning.begin import Result, prune, search
    from netadapt.pruning.callbacks import Callback
    from netadapt.pruning.candidates import Candidate
    from netadapt.pruning.constraints.base import Constraint
    from netadapt.pruning.constraints.registry import register_constraint
    from netadapt.pruning.executors.base import Executor
    from netadapt.pruning.executors.registry import register_executor
    from netadapt.pruning.importance.base import Importance
    from netadapt.pruning.importance.registry import register_importance
    from netadapt.pruning.iteration import Iteration
    from netadapt.pruning.proposals import Proposal
    from netadapt.pruning.records import CandidateRecord, Interval, StepRecord
    from netadapt.pruning.search import Search
    from netadapt.pruning.settings import SearchSettings
    from netadapt.pruning.step import Step
    from netadapt.pruning.strategies.base import Strategy
    from netadapt.pruning.strategies.registry import register_strategy
    from netadapt.training.classification import ClassificationTask
    from netadapt.training.finetune import fine_tune
    from netadapt.training.settings import FineTuning
    from netadapt.training.task import Task
    from netadapt.training.tasks import TaskRequest

_HOMES = {
    "Callback": "netadapt.pruning.callbacks",
    "Candidate": "netadapt.pruning.candidates",
    "CandidateRecord": "netadapt.pruning.records",
    "ChannelGroup": "netadapt.graph",
    "ClassificationTask": "netadapt.training.classification",
    "Constraint": "netadapt.pruning.constraints.base",
    "DepthTask": "netadapt.depth.training.depth_task",
    "DeviceProfile": "netadapt.latency.devices.profile",
    "Executor": "netadapt.pruning.executors.base",
    "FineTuning": "netadapt.training.settings",
    "Importance": "netadapt.pruning.importance.base",
    "Interval": "netadapt.pruning.records",
    "Iteration": "netadapt.pruning.iteration",
    "Latency": "netadapt.latency.model.estimator",
    "LatencyEstimator": "netadapt.latency.model.estimator",
    "LayerGraph": "netadapt.graph",
    "LayerShape": "netadapt.graph",
    "LookupTable": "netadapt.latency.table.table",
    "OpSpec": "netadapt.graph.ops.spec",
    "Proposal": "netadapt.pruning.proposals",
    "Result": "netadapt.pruning.begin",
    "Runtime": "netadapt.latency.runtimes.base",
    "Search": "netadapt.pruning.search",
    "SearchSettings": "netadapt.pruning.settings",
    "Step": "netadapt.pruning.step",
    "StepRecord": "netadapt.pruning.records",
    "Strategy": "netadapt.pruning.strategies.base",
    "Task": "netadapt.training.task",
    "TaskRequest": "netadapt.training.tasks",
    "Timing": "netadapt.latency.runtimes.base",
    "cut": "netadapt.graph",
    "fine_tune": "netadapt.training.finetune",
    "load_model": "netadapt.networks.store",
    "load_profile": "netadapt.latency.devices.profile",
    "prune": "netadapt.pruning.begin",
    "register_constraint": "netadapt.pruning.constraints.registry",
    "register_executor": "netadapt.pruning.executors.registry",
    "register_importance": "netadapt.pruning.importance.registry",
    "register_network": "netadapt.networks.registry",
    "register_op": "netadapt.graph.ops.op_registry",
    "register_runtime": "netadapt.latency.runtimes.registry",
    "register_strategy": "netadapt.pruning.strategies.registry",
    "save_model": "netadapt.networks.store",
    "search": "netadapt.pruning.begin",
    "trace": "netadapt.graph",
}

__all__ = [
    "Callback",
    "Candidate",
    "CandidateRecord",
    "ChannelGroup",
    "ClassificationTask",
    "Constraint",
    "DepthTask",
    "DeviceProfile",
    "Executor",
    "FineTuning",
    "Importance",
    "Interval",
    "Iteration",
    "Latency",
    "LatencyEstimator",
    "LayerGraph",
    "LayerShape",
    "LookupTable",
    "OpSpec",
    "Proposal",
    "Result",
    "Runtime",
    "Search",
    "SearchSettings",
    "Step",
    "StepRecord",
    "Strategy",
    "Task",
    "TaskRequest",
    "Timing",
    "cut",
    "fine_tune",
    "load_model",
    "load_profile",
    "prune",
    "register_constraint",
    "register_executor",
    "register_importance",
    "register_network",
    "register_op",
    "register_runtime",
    "register_strategy",
    "save_model",
    "search",
    "trace",
]

__getattr__ = lazy_names(__name__, _HOMES)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
