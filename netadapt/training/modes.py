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
    was_training = model.training
    what = f"train() of {type(model).__name__}"  # which a class may have rewritten
    with users_code(what, ModelError):
        model.train(training)
    try:
        yield
    finally:
        with users_code(what, ModelError):
            model.train(was_training)
