"""Which indices of every weight a cut leaves, read off a copy whose weights say where they stand.

Each number of a coded weight is its own place in it. Cut it, and what is left tells which places
were taken, whoever did the cutting and whatever he says about it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Ints = NDArray[np.int64]
Left = dict[str, tuple[Ints, ...]]
"""{tensor: of each axis, the indices that are left}."""


class NotASelectionError(Exception):
    """A weight of the cut network isn't made of whole rows and columns of the full one."""


def float_tensors(model: nn.Module) -> dict[str, Tensor]:
    """Parameters and buffers that hold real numbers, shared ones under each of their names."""
    named = [
        *model.named_parameters(remove_duplicate=False),
        *model.named_buffers(remove_duplicate=False),
    ]
    return {name: tensor for name, tensor in named if tensor.is_floating_point()}


@torch.no_grad()
def encode(model: nn.Module) -> nn.Module:
    """`model` itself, in float64, each number of its tensors replaced by its place."""
    model.double()
    for tensor in float_tensors(model).values():
        tensor.copy_(torch.arange(tensor.numel()).reshape(tensor.shape))
    return model


def indices_left(full: Mapping[str, Tensor], cut: Mapping[str, Tensor]) -> Left:
    """What of `full`'s tensors is left in the coded `cut`: all of them, by name.

    Raises NotASelectionError.
    """
    if missing := [name for name in full if name not in cut]:
        raise NotASelectionError(f"{missing[0]} is missing after the cut")
    return {name: _left(name, tuple(tensor.shape), cut[name]) for name, tensor in full.items()}


def _left(name: str, shape: tuple[int, ...], coded: Tensor) -> tuple[Ints, ...]:
    codes = coded.detach().numpy()
    if codes.ndim != len(shape):
        raise NotASelectionError(f"{name} has {codes.ndim} axes after the cut, not {len(shape)}")
    if not codes.size:
        raise NotASelectionError(f"{name} is empty after the cut")
    places = np.rint(codes).astype(np.int64)
    axes = []
    for axis in range(codes.ndim):
        line = places[tuple(slice(None) if a == axis else 0 for a in range(codes.ndim))]
        if line.min() < 0 or line.max() >= np.prod(shape):
            raise NotASelectionError(f"{name} holds numbers that the full one doesn't")
        axes.append(np.unravel_index(line, shape)[axis].astype(np.int64))
    if axes and not np.array_equal(codes, np.ravel_multi_index(np.ix_(*axes), shape)):
        raise NotASelectionError(f"{name} isn't made of rows and columns of the full one")
    return tuple(axes)


@torch.no_grad()
def select(model: nn.Module, full: Mapping[str, Tensor], left: Left) -> None:
    """Give the tensors of a cut `model` the numbers that `full` has in what is left."""
    for name, tensor in float_tensors(model).items():
        tensor.copy_(_part(full[name], left[name]))


def differs(cut: Mapping[str, Tensor], full: Mapping[str, Tensor], left: Left) -> str | None:
    """A tensor of the cut network that doesn't hold just what is left of the full one's."""
    for name, tensor in full.items():
        if not torch.equal(cut[name], _part(tensor, left[name])):
            return name
    return None


def _part(tensor: Tensor, axes: tuple[Ints, ...]) -> Tensor:
    for axis, indices in enumerate(axes):
        tensor = tensor.index_select(axis, torch.from_numpy(indices))
    return tensor


@torch.no_grad()
def remove(model: nn.Module, left: Left) -> None:
    """NaN in all that isn't left of `model`'s tensors."""
    for name, tensor in float_tensors(model).items():
        for axis, indices in enumerate(left[name]):
            gone = np.setdiff1d(np.arange(tensor.shape[axis]), indices)
            if len(gone):
                tensor.index_fill_(axis, torch.from_numpy(gone), torch.nan)


def elements(left: Left, names: set[str]) -> int:
    """How many numbers are left in the tensors called `names`."""
    return sum(int(np.prod([len(a) for a in axes])) for name, axes in left.items() if name in names)
