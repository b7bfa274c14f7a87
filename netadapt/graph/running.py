"""How a network is called: what its example inputs are, and the mode that it runs in.

Of a task's batches, and of what a network gives, the rooms above know more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch
from torch import nn
from torch.utils._pytree import tree_map

ExampleInput = torch.Tensor | tuple[Any, ...] | list[Any] | dict[str, Any]


def split_inputs(example_input: ExampleInput) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """What `model(*arguments, **keywords)` takes: one tensor, several, or a dict of keywords."""
    if isinstance(example_input, torch.Tensor):
        return (example_input,), {}
    if isinstance(example_input, Mapping):
        return (), dict(example_input)
    return tuple(example_input), {}


def twice(example_input: ExampleInput) -> ExampleInput:
    """A batch of twice as many, as batch norms need in training."""

    def double(value: Any) -> Any:
        return (
            torch.cat([value, value]) if isinstance(value, torch.Tensor) and value.ndim else value
        )

    doubled: ExampleInput = tree_map(double, example_input)
    return doubled


def input_shapes(
    arguments: Sequence[Any], keywords: Mapping[str, Any]
) -> tuple[tuple[int, ...], ...]:
    """The shape of every tensor that the network takes, in order."""
    given = (*arguments, *keywords.values())
    return tuple(tuple(value.shape) for value in given if isinstance(value, torch.Tensor))


def evaluating(model: nn.Module) -> AbstractContextManager[None]:
    """Put `model` in evaluation mode for the block, then every module's flag back."""
    return in_mode(model, training=False)


@contextmanager
def in_mode(model: nn.Module, training: bool) -> Iterator[None]:
    """Put `model` in training or evaluation mode for the block, then every module's flag back."""
    flags = [(module, module.training) for module in model.modules()]
    model.train(training)
    try:
        yield
    finally:
        for module, was_training in flags:
            module.training = was_training
