"""A trial cut: does the user's own code run, and say the same, with fewer channels?

A trace sees numbers, not where they come from: `x[:, :32]` reads the same whether 32 is half the
channels or written down. So every group is cut to about half, once, and the cut network compared
with the full one whose removed channels count for nothing. Groups that fail are found by halving.
"""

from __future__ import annotations

import copy
import warnings
from typing import Any

import numpy as np
import torch
from torch import nn

from netadapt.graph.labels import Ints
from netadapt.graph.layer_graph import LayerGraph
from netadapt.graph.operator_calls import ExampleInput, evaluating, split_inputs
from netadapt.graph.surgery import cut, zero_removed


def failing_groups(
    model: nn.Module, graph: LayerGraph, example_input: ExampleInput, seed: int = 0
) -> dict[str, str]:
    """The groups that the network can't do without channels of, each with the reason."""
    random = np.random.default_rng(seed)
    keep: dict[str, Ints] = {}
    for group in graph.groups:
        width = max(group.min_width, group.full_width // 2)
        if not group.frozen and width < group.full_width:
            # Spread over the group: a prefix would not show a slice at a fixed channel.
            keep[group.name] = np.sort(random.permutation(group.full_width)[:width])
    inputs = _random_inputs(example_input, seed)
    return _search(model, graph, inputs, keep, list(keep))


def _search(
    model: nn.Module, graph: LayerGraph, inputs: Any, keep: dict[str, Ints], names: list[str]
) -> dict[str, str]:
    reason = _difference(model, graph, inputs, {name: keep[name] for name in names})
    if reason is None:
        return {}
    if len(names) == 1:
        return {names[0]: reason}
    middle = len(names) // 2
    found = {
        **_search(model, graph, inputs, keep, names[:middle]),
        **_search(model, graph, inputs, keep, names[middle:]),
    }
    # Each half runs and both together don't: neither may be cut.
    return found or dict.fromkeys(names, reason)


def _difference(
    model: nn.Module, graph: LayerGraph, inputs: Any, keep: dict[str, Ints]
) -> str | None:
    """Why the network cut to `keep` isn't the full one without those channels; None if it is."""
    if not keep:
        return None
    reference = _run(zero_removed(model, graph, keep), inputs)
    try:
        outputs = _run(cut(model, graph, keep), inputs)
    except Exception as error:
        line = (str(error).strip().splitlines() or [type(error).__name__])[0]
        return f"the network's code counts on all of them: {line}"
    for ours, full in zip(_tensors(outputs), _tensors(reference), strict=True):
        if ours.shape != full.shape:
            return f"without some, the output is {tuple(ours.shape)}, not {tuple(full.shape)}"
        if not ours.is_floating_point() or not full.numel():
            continue
        scale = float(full.abs().nan_to_num().max())
        error_size = float((ours - full).abs().nan_to_num().max())
        # Rounding grows with depth; a mix-up of channels is of the output's own size.
        if error_size > 4096 * torch.finfo(full.dtype).eps * scale:
            return "the network's code picks channels by number"
    return None


def _run(model: nn.Module, inputs: Any) -> Any:
    arguments, keywords = split_inputs(copy.deepcopy(inputs))
    with evaluating(model), torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model(*arguments, **keywords)


def _random_inputs(inputs: Any, seed: int) -> Any:
    """Inputs of the same shapes whose values tell channels and positions apart."""
    generator = torch.Generator().manual_seed(seed)

    def draw(item: Any) -> Any:
        if isinstance(item, torch.Tensor) and item.is_floating_point():
            return torch.rand(item.shape, generator=generator).to(item)
        if isinstance(item, dict):
            return {key: draw(value) for key, value in item.items()}
        if isinstance(item, (list, tuple)):
            return tuple(draw(value) for value in item)
        return item

    return draw(inputs)


def _tensors(value: Any) -> list[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return [tensor for item in value for tensor in _tensors(item)]
    return []
