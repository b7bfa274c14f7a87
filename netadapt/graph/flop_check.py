"""A second opinion on multiply-accumulates: what torch's own counter sees while a network runs.

The trace's sums come from its calls; an operator whose cost nobody told would be missing without
a word. What the counter has more, module by module, is uncounted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from netadapt.graph.layer_graph import LayerGraph
from netadapt.graph.module_names import lies_within, outwards
from netadapt.graph.network_copy import copied
from netadapt.graph.running import evaluating

TOLERANCE = 0.005
"""Of all multiply-accumulates: less is not looked into."""


def unseen_macs(
    model: nn.Module, graph: LayerGraph, arguments: Sequence[Any], keywords: Mapping[str, Any]
) -> dict[str, int]:
    """{module: multiply-accumulates for one image that `graph`, its trace, lacks}.

    Empty where the counter sees no more than the trace, or the network doesn't run under it.
    """
    seen = _counted(model, arguments, keywords)
    if not seen:
        return {}
    batch = graph.input_shapes[0][0] if graph.input_shapes and graph.input_shapes[0] else 1
    seen = {module: flops // 2 // max(1, batch) for module, flops in seen.items()}
    known = _known(graph)
    least = TOLERANCE * seen.get("", 0)
    lacking = {
        module: macs - known.get(module, 0)
        for module, macs in seen.items()
        if macs - known.get(module, 0) > least
    }
    return {
        module: macs
        for module, macs in lacking.items()
        if not any(lies_within(other, module) for other in lacking)
    }


def _counted(
    model: nn.Module, arguments: Sequence[Any], keywords: Mapping[str, Any]
) -> dict[str, int]:
    """Flops of every module with all within it; '' is the network. Twice multiply-accumulates."""
    spare = copied(model)
    counter = FlopCounterMode(display=False)
    with evaluating(spare), torch.no_grad(), torch.random.fork_rng(devices=[]):
        try:
            with counter:
                spare(*arguments, **keywords)
        except Exception:
            return {}
    found = {"": counter.get_total_flops()}
    for path, flops in counter.get_flop_counts().items():
        _, _, module = path.partition(".")
        if module:
            found[module] = sum(flops.values())
    return found


def _known(graph: LayerGraph) -> dict[str, int]:
    """The trace's multiply-accumulates of every module with all within it."""
    found: dict[str, int] = {}
    own = [((layer.modules or (layer.name,))[0], layer.macs) for layer in graph.layers]
    own += [(item.module, item.macs) for item in graph.uncounted]
    own += list(graph.precomputed.items())
    for module, macs in own:
        for around in (*outwards(module), ""):
            found[around] = found.get(around, 0) + macs
    return found
