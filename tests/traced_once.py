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
import netadapt.graph.tracing
import netadapt.networks.open_network
import netadapt.pruning.begin
from netadapt.graph import LayerGraph, trace

CALLERS = (
    netadapt.deploy.network_timing,
    netadapt.graph.tracing,  # for who asks for it when it is needed
    netadapt.networks.open_network,
    netadapt.pruning.begin,
)
"""Modules that have `trace` by this name."""


_KNOWN: dict[object, LayerGraph] = {}


def remembering(*kinds: type[nn.Module]) -> Callable[..., Any]:
    """`trace`, which gives the graph that it made before of a network of `kinds`.

    It is known by its layers, the shapes of its weights and what it takes: a class in `kinds`
    branches on nothing else.
    """

    def traced(model: nn.Module, example_input: Any, **options: Any) -> LayerGraph:
        example = example_input if isinstance(example_input, tuple) else (example_input,)
        tensors = all(isinstance(one, Tensor) for one in example)
        if type(model) not in kinds or not tensors or options:
            return trace(model, example_input, **options)
        weights = model.state_dict(keep_vars=True).items()
        learned = ((name, w.shape, w.dtype, w.requires_grad) for name, w in weights)
        key = (repr(model), *learned, *(one.shape for one in example))
        if key not in _KNOWN:
            _KNOWN[key] = trace(model, example_input)
        return _KNOWN[key]

    return traced


def traced_once(*kinds: type[nn.Module]) -> Iterator[None]:
    """While a fixture yields from this, networks of `kinds` are traced once each."""
    traced = remembering(*kinds)
    with pytest.MonkeyPatch.context() as patch:
        for module in CALLERS:
            patch.setattr(module, "trace", traced)
        yield
