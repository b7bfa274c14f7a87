"""torch-pruning on one network of the zoo, as its documentation shows, under the same judge.

It halves every group it finds with random importance. As its tutorial asks, the layers that make
the outputs are named to it by hand; they are the modules whose output is one of the network's.
"""

from __future__ import annotations

import random
import time
import warnings
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from experiments.zoo.check import Judge, one_line
from experiments.zoo.coding import NotASelectionError
from experiments.zoo.results import Row


def fill(row: Row, judge: Judge, seed: int) -> None:
    """Prune an index-coded copy, give what is left its numbers, judge; results go into `row`."""
    import torch_pruning

    model = judge.coded()
    inputs: Any = judge.inputs[0] if len(judge.inputs) == 1 else judge.inputs
    ignored = [model.get_submodule(name) for name in output_layers(judge.awake, judge.inputs)]
    torch.manual_seed(seed)
    random.seed(seed)
    start = time.process_time()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pruner = torch_pruning.pruner.BasePruner(
                model,
                inputs,
                importance=torch_pruning.importance.RandomImportance(),
                pruning_ratio=0.5,
                ignored_layers=ignored,
            )
            pruner.step()
    except Exception as error:
        row.tp_verdict, row.tp_message = "crash", one_line(error)
        return
    finally:
        row.tp_s = time.process_time() - start
    _judge(row, judge, model)


def _judge(row: Row, judge: Judge, model: nn.Module) -> None:
    try:
        left = judge.left_by(model)
    except NotASelectionError as error:
        row.tp_verdict, row.tp_message = "wrong", str(error)
        return
    row.tp_removed_percent = judge.removed_percent(left)
    verdict = judge.verdict(model, left, filled=False)
    row.tp_verdict, row.tp_message = verdict.kind, verdict.message
    if verdict.kind == "right" and (fault := judge.training_fault(model)):
        row.tp_verdict, row.tp_message = "crash", fault


def output_layers(model: nn.Module, inputs: tuple[Tensor, ...]) -> list[str]:
    """For each output the layer with weights, and as many channels, that ran last before it.

    Where no module gives the output itself, the last of all such layers.
    """
    weighted: list[tuple[str, int]] = []
    given: list[tuple[Tensor, int]] = []  # what modules gave, after how many such layers

    def note(name: str, module: nn.Module, result: Any) -> None:
        if isinstance(module, nn.Linear | nn.modules.conv._ConvNd):
            width = module.out_features if isinstance(module, nn.Linear) else module.out_channels
            weighted.append((name, int(width)))
        if isinstance(result, Tensor):
            given.append((result, len(weighted)))

    hooks = [
        module.register_forward_hook(lambda m, _, result, name=name: note(name, m, result))
        for name, module in model.named_modules()
        if name
    ]
    try:
        with torch.no_grad():
            outputs = [leaf for leaf in tree_leaves(model(*inputs)) if isinstance(leaf, Tensor)]
    finally:
        for hook in hooks:
            hook.remove()
    found = []
    for output in outputs:
        place = output.data_ptr()
        before = next((n for t, n in given if t.data_ptr() == place), len(weighted))
        layers = [name for name, width in weighted[:before] if width in output.shape[1:]]
        found += layers[-1:]
    return list(dict.fromkeys(found))
