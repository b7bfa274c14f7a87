"""Cutting channels out of a real network, and the full network that the cut one must equal.

`cut` keeps the user's own classes: it selects rows of weights and sets the attributes that count
channels. `zero_removed` leaves every shape as it is and makes the removed channels count for
nothing where they are read; it exists for proofs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.overrides import TorchFunctionMode

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
    _check_shapes(model, graph)
    result = copied(model)
    removed = _removed_positions(graph, kept)
    tensors = _tensors(result)
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


def zero_removed(model: nn.Module, graph: LayerGraph, keep: Keep) -> nn.Module:
    """A copy of `model`, of the same shapes, in which the removed channels count for nothing.

    Every weight that reads a removed channel is zero there, which is exact whatever lies between
    (an activation with f(0) ≠ 0 too). Norms that take their mean over several channels take it
    over the kept ones. Raises ModelError as `cut` does.
    """
    kept = check_keep(graph, keep)
    _check_shapes(model, graph)
    result = copied(model)
    removed = _removed_positions(graph, kept)
    tensors = _tensors(result)
    roles = {(u.param, u.axis): u.role for g in graph.groups for u in g.uses}
    staying: dict[int, tuple[int, Ints]] = {}
    with torch.no_grad():
        for name, axes in removed.items():
            tensor = tensors[name]
            for axis, positions in axes.items():
                if roles[name, axis] == "in":
                    tensor.index_fill_(axis, torch.from_numpy(positions).to(tensor.device), 0.0)
                if name in graph.blueprint.statistics:
                    stay = np.setdiff1d(np.arange(tensor.shape[axis]), positions)
                    staying[id(tensor)] = (axis, stay)
    return _KeptStatistics(result, staying) if staying else result


def _tensors(model: nn.Module) -> dict[str, torch.Tensor]:
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


def _check_shapes(model: nn.Module, graph: LayerGraph) -> None:
    tensors = _tensors(model)
    for name, shape in graph.blueprint.shapes.items():
        found = tuple(tensors[name].shape) if name in tensors else None
        if found != shape:
            raise ModelError(
                f"the graph was traced from another network: {name} is {shape} there and "
                f"{found or 'missing'} here; trace this network"
            )


def _removed_positions(graph: LayerGraph, kept: Mapping[str, Ints]) -> dict[str, dict[int, Ints]]:
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
    for size in graph.blueprint.sizes:
        module = model.get_submodule(size.module)
        value: Any = getattr(module, size.attribute, None)
        before = size.constant + sum(m * full[name] for name, m in size.terms.items())
        after = size.constant + sum(
            m * (len(kept[name]) if name in kept else full[name]) for name, m in size.terms.items()
        )
        if size.index is None:
            if value == before:
                setattr(module, size.attribute, after)
        elif value is not None and value[size.index] == before:
            changed = list(value)
            changed[size.index] = after
            setattr(module, size.attribute, tuple(changed))


class _KeptStatistics(nn.Module):
    """Runs a network whose layer and group norms ignore the removed channels."""

    def __init__(self, model: nn.Module, staying: dict[int, tuple[int, Ints]]) -> None:
        super().__init__()
        self.model = model
        self.staying = staying

    def forward(self, *arguments: Any, **keywords: Any) -> Any:
        with _NormsOverKept(self.staying):
            return self.model(*arguments, **keywords)


class _NormsOverKept(TorchFunctionMode):
    """Replaces the statistics of the norms whose weight is known, by the weight's id."""

    def __init__(self, staying: dict[int, tuple[int, Ints]]) -> None:
        super().__init__()
        self.staying = staying

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        norm = _NORMS.get(func)
        if norm is not None:
            weight = args[2] if len(args) > 2 else kwargs.get("weight")
            if id(weight) in self.staying:
                axis, stay = self.staying[id(weight)]
                kept = torch.from_numpy(stay).to(weight.device)
                return norm(axis, kept, *args, **kwargs)
        return func(*args, **kwargs)


def _layer_norm(
    axis: int,
    kept: torch.Tensor,
    x: torch.Tensor,
    normalized_shape: Sequence[int],
    weight: torch.Tensor,
    bias: torch.Tensor | None = None,
    eps: float = 1e-5,
) -> torch.Tensor:
    dims = tuple(range(-weight.ndim, 0))
    inside = x.index_select(dims[axis], kept)
    mean = inside.mean(dims, keepdim=True)
    spread = torch.sqrt((inside - mean).square().mean(dims, keepdim=True) + eps)
    result = (x - mean) / spread * weight
    return result if bias is None else result + bias


def _rms_norm(
    axis: int,
    kept: torch.Tensor,
    x: torch.Tensor,
    normalized_shape: Sequence[int],
    weight: torch.Tensor,
    eps: float | None = None,
) -> torch.Tensor:
    dims = tuple(range(-weight.ndim, 0))
    inside = x.index_select(dims[axis], kept)
    eps = torch.finfo(x.dtype).eps if eps is None else eps
    return x / torch.sqrt(inside.square().mean(dims, keepdim=True) + eps) * weight


def _group_norm(
    axis: int,
    kept: torch.Tensor,
    x: torch.Tensor,
    num_groups: int,
    weight: torch.Tensor,
    bias: torch.Tensor | None = None,
    eps: float = 1e-5,
) -> torch.Tensor:
    inside = x.index_select(1, kept).reshape(len(x), num_groups, 1, -1)
    grouped = x.reshape(len(x), num_groups, x.shape[1] // num_groups, -1)
    mean = inside.mean(-1, keepdim=True)
    spread = torch.sqrt((inside - mean).square().mean(-1, keepdim=True) + eps)
    each = (-1, *[1] * (x.ndim - 2))
    result = ((grouped - mean) / spread).reshape(x.shape) * weight.reshape(each)
    return result if bias is None else result + bias.reshape(each)


_NORMS: dict[Any, Callable[..., torch.Tensor]] = {
    nn.functional.layer_norm: _layer_norm,
    nn.functional.rms_norm: _rms_norm,
    nn.functional.group_norm: _group_norm,
}
