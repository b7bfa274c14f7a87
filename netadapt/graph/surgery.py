"""Cutting channels out of a real network.

`cut` keeps the user's own classes: it selects rows of weights and sets the attributes that count
channels. What the cut network must equal is left to `whole.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from netadapt.errors import ModelError
from netadapt.graph.groups import ChannelGroup
from netadapt.graph.labels import Ints
from netadapt.graph.layer_graph import LayerGraph
from netadapt.graph.network_copy import copied

Keep = Mapping[str, Sequence[int] | Ints | torch.Tensor]
"""{group: indices of the units that stay, ascending}."""


def cut(model: nn.Module, graph: LayerGraph, keep: Keep) -> nn.Module:
    """A copy of `model` that has only the kept channels; `model` itself is untouched.

    `graph` is the trace of `model`; groups that `keep` doesn't name stay whole. The copy has the
    user's own classes, trains and evaluates as before, and can be traced and cut again.

    Raises ModelError for indices that aren't ascending, distinct and in range, for a frozen
    group, and for a graph that was traced from a network of other shapes.
    """
    kept = check_keep(graph, keep)
    check_shapes(model, graph)
    result = copied(model)
    removed = removed_positions(graph, kept)
    tensors = tensors_of(result)
    replaced: dict[int, nn.Parameter | torch.Tensor] = {}
    for name, axes in removed.items():
        tensor = tensors[name]
        data = tensor.detach()
        for axis, positions in axes.items():
            stay = np.setdiff1d(np.arange(tensor.shape[axis]), positions)
            data = data.index_select(axis, torch.from_numpy(stay).to(data.device))
        if isinstance(tensor, nn.Parameter):
            replaced[id(tensor)] = nn.Parameter(data.clone(), requires_grad=tensor.requires_grad)
        else:
            replaced[id(tensor)] = data.clone()
    for module in result.modules():
        for store in (module._parameters, module._buffers):
            for name, old in store.items():
                if old is not None and id(old) in replaced:
                    store[name] = replaced[id(old)]  # type: ignore[assignment]
    _set_sizes(result, graph, kept)
    return result


def tensors_of(model: nn.Module) -> dict[str, torch.Tensor]:
    """Parameters and buffers by name."""
    return {**dict(model.named_parameters()), **dict(model.named_buffers())}


def check_keep(graph: LayerGraph, keep: Keep) -> dict[str, Ints]:
    """`keep` as integer arrays. Raises ModelError saying which group's indices are wrong."""
    checked = {}
    for name, indices in keep.items():
        group = graph.group(name)
        kept = np.asarray(indices, dtype=np.int64).reshape(-1)
        whole = len(kept) == group.full_width
        if group.frozen and not whole:
            raise ModelError(f"group {name} can't be cut: {group.reason}")
        if not len(kept):
            raise ModelError(f"group {name} would lose all its channels; keep at least one")
        if not whole and len(kept) < group.min_width:
            raise ModelError(f"group {name} must keep at least {group.min_width} of its units")
        if not whole and not group.takes(len(kept)):
            raise ModelError(
                f"group {name} can't keep {len(kept)} of its units: the network's code works at "
                f"{', '.join(map(str, group.only_widths))}"
            )
        if (np.diff(kept) <= 0).any() or kept[0] < 0 or kept[-1] >= group.full_width:
            raise ModelError(
                f"the kept indices of group {name} must be ascending, distinct and in "
                f"0 … {group.full_width - 1}"
            )
        if not whole:
            checked[name] = kept
    return checked


def check_shapes(model: nn.Module, graph: LayerGraph) -> None:
    """Raises ModelError where `graph` was traced from a network of other shapes."""
    tensors = tensors_of(model)
    for name, shape in graph.blueprint.shapes.items():
        found = tuple(tensors[name].shape) if name in tensors else None
        if found != shape:
            raise ModelError(
                f"the graph was traced from another network: {name} is {shape} there and "
                f"{found or 'missing'} here; trace this network"
            )


def removed_positions(graph: LayerGraph, kept: Mapping[str, Ints]) -> dict[str, dict[int, Ints]]:
    """{parameter: {axis: positions that go}} for all groups together."""
    removed: dict[str, dict[int, list[Ints]]] = {}
    for name, indices in kept.items():
        group: ChannelGroup = graph.group(name)
        gone = np.setdiff1d(np.arange(group.full_width), indices)
        for use in group.uses:
            axes = removed.setdefault(use.param, {})
            axes.setdefault(use.axis, []).append(use.positions[gone].reshape(-1))
    return {
        parameter: {axis: np.sort(np.concatenate(parts)) for axis, parts in axes.items()}
        for parameter, axes in removed.items()
    }


def _set_sizes(model: nn.Module, graph: LayerGraph, kept: Mapping[str, Ints]) -> None:
    """Set the attributes that count channels, where a module has them."""
    full = {group.name: group.full_width for group in graph.groups}
    left = full | {name: len(units) for name, units in kept.items()}
    for size in graph.blueprint.sizes:
        module = model.get_submodule(size.module)
        value: Any = getattr(module, size.attribute, None)
        before, after = size.at(full), size.at(left)
        if size.index is None:
            if value == before:
                setattr(module, size.attribute, after)
        elif value is not None and value[size.index] == before:
            changed = list(value)
            changed[size.index] = after
            setattr(module, size.attribute, type(value)(changed))
