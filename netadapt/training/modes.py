"""A network in training or in evaluation mode for a block, and afterwards as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn

from netadapt.errors import ModelError
from netadapt.users_code import users_code


@contextmanager
def training_mode(model: nn.Module) -> Iterator[None]:
    """Puts a model in training mode for a block, and back."""
    with _mode(model, training=True):
        yield


@contextmanager
def evaluation_mode(model: nn.Module) -> Iterator[None]:
    """Puts a model in evaluation mode for a block, and back."""
    with _mode(model, training=False):
        yield


@contextmanager
def _mode(model: nn.Module, *, training: bool) -> Iterator[None]:
    # Module by module: a user may keep a norm in evaluation mode while the rest trains.
    was = [(module, module.training) for module in model.modules()]
    with users_code(f"train() of {type(model).__name__}", ModelError):  # a class may rewrite it
        model.train(training)
    try:
        yield
    finally:
        for module, flag in was:
            module.training = flag
