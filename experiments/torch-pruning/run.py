"""Both tools on every network of the zoo: `python experiments/torch-pruning/run.py`.

netadapt and torch-pruning each plan a network, cut a random half of every channel group they find,
and are judged by one rule: the cut network's outputs must be those of the full network in which
every weight that reads a removed channel is zero (and norms over channels see the kept ones only).
Which channels were removed is what the tool itself reports, so a tool is held to its own plan.
"""

from __future__ import annotations

import argparse
import copy
import csv
import importlib.metadata
import io
import platform
import random
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch_pruning as tp
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from netadapt.files import write_text
from netadapt.graph import LayerGraph, cut, trace, zero_removed

sys.path.insert(0, str(Path(__file__).parents[2]))  # the repository, for its zoo

from tests.graph.proving import flat, lively, outputs_of
from tests.zoo import ZOO

OUT = Path("experiments/torch-pruning/results.csv")
RIGHT = 1e-4
"""Largest difference of an output, relative to the largest output, that counts as equal."""


@dataclass
class Outcome:
    """What one tool made of one network. Times are processor seconds of one thread."""

    network: str
    tool: str
    traced: bool = False
    cut: bool = False
    right: bool = False
    trains: bool = False
    params_left: float | None = None
    """Share of the parameters that the cut network has."""
    largest_error: float | None = None
    plan_s: float | None = None
    cut_s: float | None = None
    remark: str = ""


Inputs = tuple[Tensor, ...]

READING = (nn.Conv1d, nn.Conv2d, nn.ConvTranspose2d, nn.Linear, nn.LayerNorm, nn.GroupNorm)
"""Modules whose result depends on a removed channel unless it is masked."""


def compare(name: str, *, full: bool, seed: int) -> list[Outcome]:
    """Both tools on one network, in float64."""
    entry = ZOO[name]
    torch.manual_seed(0)
    model = lively(entry.full() if full else entry.small()).double()
    inputs = tuple(tensor.double() for tensor in entry.inputs(full=full))
    ours, graph = _netadapt(name, model, inputs, seed)
    outputs = [] if graph is None else _output_layers(graph)
    return [ours, _torch_pruning(name, model, inputs, outputs, seed)]


def _netadapt(
    name: str, model: nn.Module, inputs: Inputs, seed: int
) -> tuple[Outcome, LayerGraph | None]:
    outcome = Outcome(name, "netadapt")
    graph: LayerGraph | None = None
    try:
        start = time.process_time()
        graph = trace(model, inputs)
        outcome.plan_s = time.process_time() - start
        outcome.traced = True
        draw = np.random.default_rng(seed)
        keep = {
            group.name: np.sort(
                draw.permutation(group.full_width)[
                    : max(group.min_width, group.full_width - group.full_width // 2)
                ]
            )
            for group in graph.groups
            if not group.frozen
        }
        start = time.process_time()
        small = cut(model, graph, keep)
        outcome.cut_s = time.process_time() - start
        _judge(outcome, model, small, zero_removed(model, graph, keep), inputs)
        outcome.remark = _frozen_text(graph)
    except Exception as error:  # any failure is a result here
        outcome.remark = _error_text(error)
    return outcome, graph


def _torch_pruning(
    name: str, model: nn.Module, inputs: Inputs, output_layers: list[str], seed: int
) -> Outcome:
    """torch-pruning by its documented interface; as its tutorial asks, the layers that make the
    network's outputs are named to it by hand (netadapt finds them)."""
    outcome = Outcome(name, "torch-pruning")
    small = copy.deepcopy(model)
    torch.manual_seed(seed)
    random.seed(seed)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            start = time.process_time()
            pruner = tp.pruner.BasePruner(
                small,
                inputs[0] if len(inputs) == 1 else inputs,
                importance=tp.importance.RandomImportance(),
                pruning_ratio=0.5,
                ignored_layers=[small.get_submodule(layer) for layer in output_layers],
            )
            removed = Removed(small)
            steps = pruner.step(interactive=True)
            group = next(steps, None)
            outcome.plan_s = time.process_time() - start
            outcome.traced = True
            outcome.cut_s = 0.0
            while group is not None:
                removed.add(group, pruner.DG)
                start = time.process_time()
                group.prune()
                outcome.cut_s += time.process_time() - start
                start = time.process_time()
                group = next(steps, None)
                outcome.plan_s += time.process_time() - start
        _judge(outcome, model, small, removed.mask(model), inputs)
    except Exception as error:  # any failure is a result here
        outcome.remark = _error_text(error)
    return outcome


class Removed:
    """The channels that torch-pruning's groups say they remove, as positions in the full network.

    A group speaks of positions in the network as it is after the groups before it.
    """

    def __init__(self, model: nn.Module) -> None:
        self.names = {module: name for name, module in model.named_modules()}
        self.left: dict[nn.Module, list[int]] = {}
        self.widths = {
            module: _width_read(module) for module in model.modules() if isinstance(module, READING)
        }

    def add(self, group: Any, graph: Any) -> None:
        """Book what `group` is about to remove from what each layer reads."""
        gone: dict[nn.Module, set[int]] = {}
        for dependency, indices in group:
            module = dependency.target.module
            if module not in self.widths or not graph.is_in_channel_pruning_fn(dependency.handler):
                continue
            gone.setdefault(module, set()).update(indices)
        for module, indices in gone.items():
            left = self.left.setdefault(module, list(range(self.widths[module])))
            self.left[module] = [c for i, c in enumerate(left) if i not in indices]

    def mask(self, model: nn.Module) -> nn.Module:
        """A copy of the full `model` in which the removed channels count for nothing."""
        result = copy.deepcopy(model)
        staying = {}
        for module, left in self.left.items():
            target = result.get_submodule(self.names[module])
            stay = np.array(left, dtype=np.int64)
            gone = np.setdiff1d(np.arange(self.widths[module]), stay)
            weight = target.weight
            assert isinstance(weight, Tensor)
            if isinstance(target, nn.LayerNorm | nn.GroupNorm):
                staying[id(weight)] = stay
            else:
                _zero_read(target, weight, gone)
        return _NormsOverKept(result, staying) if staying else result


def _width_read(module: nn.Module) -> int:
    if isinstance(module, nn.LayerNorm):
        return int(module.normalized_shape[-1])
    if isinstance(module, nn.GroupNorm):
        return module.num_channels
    size = module.in_features if isinstance(module, nn.Linear) else module.in_channels
    assert isinstance(size, int)
    return size


@torch.no_grad()
def _zero_read(module: nn.Module, weight: Tensor, gone: Any) -> None:
    """Zero what `module` reads of the input channels `gone`."""
    if isinstance(module, nn.ConvTranspose2d):
        weight[gone] = 0.0
        return
    groups = 1 if isinstance(module, nn.Linear) else int(module.groups)  # type: ignore[arg-type]
    entering, leaving = weight.shape[1], weight.shape[0] // groups
    for channel in gone.tolist():
        group = channel // entering
        weight[group * leaving : (group + 1) * leaving, channel % entering] = 0.0


class _NormsOverKept(nn.Module):
    """Runs `model` with layer and group norms whose statistics leave the removed channels out.

    `staying`: the channels that stay, by the id of the norm's weight.
    """

    def __init__(self, model: nn.Module, staying: dict[int, Any]) -> None:
        super().__init__()
        self.model = model
        self.staying = staying

    def forward(self, *inputs: Tensor) -> Any:
        with _Replacing(self.staying):
            return self.model(*inputs)


class _Replacing(TorchFunctionMode):
    def __init__(self, staying: dict[int, Any]) -> None:
        super().__init__()
        self.staying = staying

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func not in (nn.functional.layer_norm, nn.functional.group_norm):
            return func(*args, **kwargs)
        x, shape_or_groups, weight, bias, eps = (*args, *kwargs.values())[:5]
        stay = self.staying.get(id(weight))
        if stay is None:
            return func(*args, **kwargs)
        # The same norm on the kept channels alone; what the others get is read by nobody.
        kept = torch.from_numpy(stay)
        axis = -1 if func is nn.functional.layer_norm else 1
        size = [len(stay)] if func is nn.functional.layer_norm else shape_or_groups
        normed = func(x.index_select(axis, kept), size, weight[kept], bias[kept], eps)
        return torch.zeros_like(x).index_copy(axis, kept, normed)


def _judge(
    outcome: Outcome, full: nn.Module, small: nn.Module, masked: nn.Module, inputs: Inputs
) -> None:
    outcome.params_left = _parameters(small) / _parameters(full)
    ours = outputs_of(small, inputs)
    outcome.cut = True
    expected = outputs_of(masked, inputs)
    errors = [
        float((one - other).abs().max() / other.abs().max())
        if one.shape == other.shape
        else float("inf")
        for one, other in zip(ours, expected, strict=True)
    ]
    outcome.largest_error = max(errors)
    outcome.right = outcome.largest_error <= RIGHT
    small.train()
    doubled = tuple(torch.cat([tensor, tensor.flip(-1)]) for tensor in inputs)
    loss = sum(tensor.square().mean() for tensor in flat(small(*doubled)) if tensor.requires_grad)
    assert isinstance(loss, Tensor)
    loss.backward()  # type: ignore[no-untyped-call]
    outcome.trains = True


def _parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def _output_layers(graph: LayerGraph) -> list[str]:
    layers = [layer for g in graph.groups if "output" in g.reason for layer in g.layers]
    return list(dict.fromkeys(layers))


def _frozen_text(graph: LayerGraph) -> str:
    reasons = {g.reason: g.name for g in graph.groups if g.frozen and "output" not in g.reason}
    return "; ".join(f"{name} is left whole: {reason}" for reason, name in reasons.items())


def _error_text(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0]}"[:200]


def write(outcomes: list[Outcome], path: Path) -> None:
    """A row a network and tool."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(Outcome)], lineterminator="\n")
    writer.writeheader()
    for outcome in outcomes:
        writer.writerow(
            {
                key: f"{value:.3g}" if isinstance(value, float) else value
                for key, value in asdict(outcome).items()
            }
        )
    write_text(path, text.getvalue())


def _summary(outcomes: list[Outcome]) -> str:
    lines = []
    for tool in ("netadapt", "torch-pruning"):
        own = [outcome for outcome in outcomes if outcome.tool == tool]
        marks: tuple[tuple[str, Callable[[Outcome], bool]], ...] = (
            ("traced", lambda o: o.traced),
            ("cut", lambda o: o.cut),
            ("right", lambda o: o.right),
            ("trains", lambda o: o.trains),
        )
        counts = ", ".join(f"{what} {sum(map(test, own))}" for what, test in marks)
        plans = [o.plan_s for o in own if o.plan_s is not None]
        lines.append(
            f"{tool} {importlib.metadata.version(tool)}: of {len(own)} networks {counts}; "
            f"planned in {np.median(plans):.2f} s (median), {max(plans):.2f} s (most)"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="the networks at their full sizes")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=ZOO, action="append", help="only this network")
    parser.add_argument("--out", type=Path, default=OUT)
    given = parser.parse_args()
    torch.set_num_threads(1)
    compare("Hard-coded", full=False, seed=0)  # imports and caches of both tools are warm now
    outcomes: list[Outcome] = []
    for name in given.only or ZOO:
        for outcome in compare(name, full=given.full, seed=given.seed):
            outcomes.append(outcome)
            print(outcome, flush=True)
        write(outcomes, given.out)
    print(_summary(outcomes))
    print(f"torch {torch.__version__}, Python {platform.python_version()}, {platform.machine()}")


if __name__ == "__main__":
    main()
