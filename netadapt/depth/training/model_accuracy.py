"""What a stored network is worth, whichever it is: depth on a data set, or a task that is named.

For commands that show a network's accuracy beside other figures of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from netadapt.depth.prediction.predictor import open_predictor
from netadapt.depth.training.evaluation import evaluate
from netadapt.depth.training.metrics import METRICS
from netadapt.depth.training.task_data import open_for_evaluation
from netadapt.networks.store import load_model
from netadapt.pruning.task_of_model import task_of_model
from netadapt.training.compute import compute_device
from netadapt.training.task import evaluated

SHOWN = METRICS[:3]
"""Of the metrics of depth, those that a run's trajectory has."""


def accuracy_on(
    data: str | None, task: str | None, split: str = "val"
) -> Callable[[str], Mapping[str, float]]:
    """What gives a model's metrics by its path; none where neither data nor a task are given.

    Without a `task` the models map images to depth: the metrics are those of `netadapt evaluate` on
    `split` of `data`, and .onnx files are taken too. With one they are the task's on its holdout.
    Asking raises what opening the model, the data or the task raises.
    """
    if task is not None:
        return lambda model: evaluated(
            load_model(model), task_of_model(model, task, data, ("depth", "rooms"))()
        )
    if data is None:
        return lambda model: {}

    def depth(model: str) -> Mapping[str, float]:
        predictor = open_predictor(model, compute_device(None))
        means = evaluate(predictor, open_for_evaluation(data, split))[list(SHOWN)].mean()
        return {name: float(means[name]) for name in SHOWN}

    return depth
