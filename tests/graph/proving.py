"""The proof that every cut must pass, and networks lively enough for it to mean something."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from netadapt.graph import LayerGraph, cut, trace, zero_removed

NORMS = (nn.BatchNorm2d, nn.GroupNorm, nn.LayerNorm, nn.RMSNorm, nn.InstanceNorm2d)
Keep = dict[str, NDArray[np.int64]]


def lively(model: nn.Module, seed: int = 0) -> nn.Module:
    """Norms with statistics that differ from channel to channel, so that a mix-up shows."""
    generator = torch.Generator().manual_seed(seed)
    ranges = (
        ("running_mean", -0.2, 0.2),
        ("running_var", 0.5, 1.5),
        ("weight", 0.5, 1.5),
        ("bias", -0.3, 0.5),
    )
    for module in model.modules():
        if isinstance(module, NORMS):
            for name, low, high in ranges:
                tensor = getattr(module, name, None)
                if tensor is not None:
                    noise = torch.rand(tensor.shape, generator=generator)
                    tensor.data.copy_(noise * (high - low) + low)
    return model.eval()


def random_keep(graph: LayerGraph, random: np.random.Generator) -> Keep:
    """Units of every group, as many as it may have: any number, from the fewest to all."""
    keep = {}
    for group in (group for group in graph.groups if not group.frozen):
        units = random.permutation(group.full_width)
        widths = [w for w in range(group.min_width, group.full_width + 1) if group.takes(w)]
        keep[group.name] = np.sort(units[: widths[random.integers(len(widths))]])
    return keep


def outputs_of(model: nn.Module, inputs: tuple[Tensor, ...]) -> list[Tensor]:
    with torch.no_grad():
        return flat(model.eval()(*inputs))


def flat(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    values = value.values() if isinstance(value, dict) else value
    return [tensor for item in values for tensor in flat(item)]


def prove(model: nn.Module, inputs: tuple[Tensor, ...], graph: LayerGraph, keep: Keep) -> nn.Module:
    """Cut; the result must be the full network without the removed channels, must have the
    layers, MACs and parameters that the graph foretold, and must train. In float64, so that the
    bound is about channels and not about rounding.
    """
    small = cut(model, graph, keep)
    ours = outputs_of(small, inputs)
    full = outputs_of(zero_removed(model, graph, keep), inputs)
    for one, other in zip(ours, full, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-8, atol=1e-8)

    planned = graph.with_widths({name: len(kept) for name, kept in keep.items()})
    # What only a trial joins, a trace without one has apart.
    joined = any(len(parts) > 1 for parts in graph.blueprint.parts.values())
    again = trace(small, inputs, verify=joined)
    assert {g.name: g.width for g in again.groups} == {g.name: g.width for g in planned.groups}
    assert [layer.shape for layer in again.layers] == [layer.shape for layer in planned.layers]
    assert again.layers == planned.layers
    assert again.macs == planned.macs
    assert again.params == planned.params == sum(p.numel() for p in small.parameters())

    small.train()
    doubled = tuple(torch.cat([tensor, tensor.flip(-1)]) for tensor in inputs)
    results = [tensor for tensor in flat(small(*doubled)) if tensor.requires_grad]
    torch.stack([tensor.square().mean() for tensor in results]).sum().backward()
    assert any(p.grad is not None for p in small.parameters())
    return small.eval()
