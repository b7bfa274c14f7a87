"""Real inputs of a network: a sample of those that a task's evaluation shows it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from netadapt.networks.network_inputs import in_order, parameter_names

Example = tuple[Tensor, ...]
"""Inputs in order, each of one example: `[1, …]`."""


@contextmanager
def seen_by(model: nn.Module, most: int) -> Iterator[list[Example]]:
    """The examples that `model` is shown within the block: at most so many, from all over.

    The same ones for the same evaluation: each example shown has the same chance to be kept.
    """
    kept: list[Example] = []
    draw = random.Random(0)
    count = 0

    def keep(module: nn.Module, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> None:
        nonlocal count
        inputs = ordered(model, arguments, keywords)
        for index in range(len(inputs[0])):
            place = count if count < most else draw.randrange(count + 1)
            count += 1
            if place >= most:
                continue
            example = tuple(x[index : index + 1].detach().cpu().clone() for x in inputs)
            kept[place : place + 1] = [example]

    handle = model.register_forward_pre_hook(keep, with_kwargs=True)
    try:
        yield kept
    finally:
        handle.remove()


def ordered(model: nn.Module, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Example:
    """The inputs of a call of `model` in the order in which its forward takes them."""
    if not keywords:
        return arguments
    names = parameter_names(model)
    return in_order(model, {**dict(zip(names, arguments, strict=False)), **keywords})
