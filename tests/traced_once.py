"""One trace of a network that many tests prune, export or time: each would take its own seconds.

A fixture for rooms whose tests are about what follows a trace. Tracing itself is tested in
`tests/graph`, and by these rooms for every network that isn't one of theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from torch import Tensor, nn

import netadapt.deploy.network_timing
import netadapt.networks.open_network
import netadapt.pruning.begin
from netadapt.graph import LayerGraph, trace
from netadapt.pruning.weights_hash import weights_hash

CALLERS = (netadapt.deploy.network_timing, netadapt.networks.open_network, netadapt.pruning.begin)
"""Modules that call `trace` by this name."""


def remembering(known: dict[object, LayerGraph], *kinds: type[nn.Module]) -> Callable[..., Any]:
    """`trace`, which gives the graph in `known` of a network of `kinds` that it was given before.

    It is known by its layers, all of its numbers, and the example's shape; a class in `kinds`
    branches on nothing else.
    """

    def traced(model: nn.Module, example_input: Any, **options: Any) -> LayerGraph:
        if type(model) not in kinds or not isinstance(example_input, Tensor) or options:
            return trace(model, example_input, **options)
        learned = [name for name, weight in model.named_parameters() if weight.requires_grad]
        key = (repr(model), weights_hash(model), *learned, *example_input.shape)
        if key not in known:
            known[key] = trace(model, example_input)
        return known[key]

    return traced


def traced_once(*kinds: type[nn.Module]) -> Iterator[None]:
    """While a fixture yields from this, networks of `kinds` are traced once each."""
    traced = remembering({}, *kinds)
    with pytest.MonkeyPatch.context() as patch:
        for module in CALLERS:
            patch.setattr(module, "trace", traced)
        yield
