"""The numbers that a network's modules hold in attributes of their own: `self.splits = [12, 8]`.

A cut changes those that count channels. Which do is guessed from what they equal, where the module
gives an operator sizes; a trial cut proves the guess.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn

from netadapt.graph.walk import StoredNumber


def stored_numbers(model: nn.Module) -> dict[str, tuple[StoredNumber, ...]]:
    """{module: its numbers above 1, those in lists and tuples too}."""
    return {
        name: tuple(_numbers_of(module))
        for name, module in model.named_modules(remove_duplicate=False)
    }


def _numbers_of(module: nn.Module) -> Iterator[StoredNumber]:
    for name, value in vars(module).items():
        if name.startswith("_"):
            continue
        if _counts(value):
            yield StoredNumber(name, None, value)
        elif type(value) in (list, tuple, torch.Size) and all(type(item) is int for item in value):
            for index, item in enumerate(value):
                if _counts(item):
                    yield StoredNumber(name, index, item)


def _counts(value: object) -> bool:
    return type(value) is int and value > 1
