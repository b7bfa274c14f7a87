"""A network in training or in evaluation mode for a block, and afterwards as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def training_mode(model: nn.Module) -> Iterator[None]:
    """Puts a model in training mode for a block, and back."""
    was_training = model.training
    model.train()
    try:
        yield
    finally:
        model.train(was_training)


@contextmanager
def evaluation_mode(model: nn.Module) -> Iterator[None]:
    """Puts a model in evaluation mode for a block, and back."""
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)
