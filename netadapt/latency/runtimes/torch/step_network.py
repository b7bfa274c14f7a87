"""A network's steps as a torch module, with what each step computes by its record."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from netadapt.graph.ops.op_registry import OPS
from netadapt.latency.runtimes.base import UnsupportedLayer
from netadapt.latency.runtimes.network_steps import Network
from netadapt.latency.runtimes.reference import activated


class StepNetwork(nn.Module):
    """A network's steps in their order; gives its outputs as a tuple.

    What no later step reads is let go at once, so that its memory is used again, as in a network
    that is written in torch.
    """

    def __init__(self, network: Network) -> None:
        super().__init__()
        self._steps = network.steps
        self._inputs = tuple(network.inputs)
        self._outputs = tuple(network.outputs)
        self._weights = nn.ParameterList()
        self._held: list[int | None] = []
        for step in network.steps:
            self._held.append(None if step.weight is None else len(self._weights))
            for values in (step.weight, step.bias):
                if values is not None:
                    self._weights.append(nn.Parameter(torch.from_numpy(values.copy()), False))
        last = {name: i for i, step in enumerate(network.steps) for name in step.sources}
        self._done = [
            tuple(name for name, i in last.items() if i == index and name not in self._outputs)
            for index in range(len(network.steps))
        ]

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        tensors = dict(zip(self._inputs, inputs, strict=True))
        for step, held, done in zip(self._steps, self._held, self._done, strict=True):
            sources = [tensors[name] for name in step.sources]
            if step.shape.op == "linear":  # behind a flattening, which moves nothing
                sources = [sources[0].reshape(-1, step.shape.in_channels)]
            weight = bias = None
            if held is not None:
                weight, bias = self._weights[held], self._weights[held + 1]
            y = OPS[step.shape.op].forward(step.shape, sources, weight, bias)
            tensors[step.result] = activated(step.shape, y)
            for name in done:
                del tensors[name]
        return tuple(tensors[name] for name in self._outputs)


def as_module(network: Network) -> StepNetwork:
    """The network as a module in evaluation mode.

    Raises UnsupportedLayer for a kind that torch has no function for.
    """
    for step in network.steps:
        if step.shape.op not in OPS:
            raise UnsupportedLayer(f"{step.shape}: no operator is called '{step.shape.op}'")
    return StepNetwork(network).eval()
