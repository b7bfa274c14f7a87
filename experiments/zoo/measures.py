"""What a trace says of a network: how much of it can be cut, what stands in the way, its MACs.

A parameter's number is cuttable when some free channel group takes it along as it loses units:
its row or its column belongs to the group. Those of the last layer's rows aren't, its columns are.
What evaluation mode never reads (layers that never run) is left out.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from experiments.zoo.check import operators_one_by_one
from netadapt.graph import ChannelGroup, LayerGraph

IN_NO_GROUP = "in no channel group"


def cuttable_percent(model: nn.Module, graph: LayerGraph) -> float:
    """Of the learnable numbers, the share that belongs to a group that may be cut."""
    sizes = {name: parameter.shape for name, parameter in _read(model, graph)}
    free = _positions(group for group in graph.groups if not group.frozen)
    total = sum(int(np.prod(shape)) for shape in sizes.values())
    held = sum(_outside(tuple(shape), free.get(name, {})) for name, shape in sizes.items())
    return 100 * (1 - held / total)


def held_by_reason(model: nn.Module, graph: LayerGraph) -> Counter[str]:
    """{reason: learnable numbers that can't be cut for it}.

    A number counts for the frozen group that makes its row, else for one it belongs to at all.
    """
    free = _positions(group for group in graph.groups if not group.frozen)
    makers: dict[str, str] = {}
    others: dict[str, str] = {}
    for group in graph.groups:
        if group.frozen:
            for use in group.uses:
                (makers if use.role == "out" else others).setdefault(use.param, group.reason)
    counted: Counter[str] = Counter()
    for name, parameter in _read(model, graph):
        held = _outside(tuple(parameter.shape), free.get(name, {}))
        if held:
            counted[makers.get(name) or others.get(name) or IN_NO_GROUP] += held
    return counted


def _read(model: nn.Module, graph: LayerGraph) -> list[tuple[str, nn.Parameter]]:
    """Parameters that the network reads at all: some are built with layers that never run."""
    unread = set(graph.unreached)
    return [(name, found) for name, found in model.named_parameters() if name not in unread]


def _positions(groups: Iterable[ChannelGroup]) -> dict[str, dict[int, set[int]]]:
    found: dict[str, dict[int, set[int]]] = {}
    for group in groups:
        for use in group.uses:
            axis = found.setdefault(use.param, {}).setdefault(use.axis, set())
            axis.update(use.positions.reshape(-1).tolist())
    return found


def _outside(shape: tuple[int, ...], axes: dict[int, set[int]]) -> int:
    """How many numbers of a tensor lie at none of the positions."""
    return int(np.prod([size - len(axes.get(axis, ())) for axis, size in enumerate(shape)]))


def reference_macs(model: nn.Module, inputs: tuple[Tensor, ...]) -> int:
    """Multiply-accumulates of one run as torch's own counter has them."""
    # The counter knows the products that attention is made of, not a CPU's kernel for it.
    parts = sdpa_kernel(SDPBackend.MATH)
    counter = FlopCounterMode(display=False)
    counted = copy.deepcopy(model).eval().requires_grad_(False)  # it follows gradients otherwise
    with torch.no_grad(), operators_one_by_one(), parts, counter:
        counted(*inputs)
    return int(counter.get_total_flops()) // 2
