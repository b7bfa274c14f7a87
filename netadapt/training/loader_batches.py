"""The batches of a DataLoader's data set, in an order of a search's own.

A search needs the batches of any seed and step again, and in sizes that it chooses. So of a loader
its data set and what makes a batch are taken, its order isn't; whatever is random in an example is
drawn from a seed of its own.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset

from netadapt.errors import InputError
from netadapt.networks.network_outputs import changed_outputs

LARGEST_SEED = 2**32


def seeded_batches(
    loader: DataLoader[Any], batch_size: int, seed: int, start_step: int = 0
) -> Iterator[Any]:
    """Batches of the data set of `loader` without end; the same for seed and step.

    Every epoch shows each example once in a new order; a batch may straddle two epochs.
    """
    examples = _Seeded(loader.dataset)
    return iter(
        DataLoader(
            examples,
            batch_sampler=_Order(len(examples), batch_size, seed, start_step),
            collate_fn=loader.collate_fn,
            num_workers=loader.num_workers,
            generator=torch.Generator(),  # else it draws from that of everybody
        )
    )


def require_indexed(name: str, loader: Any) -> None:
    """Raise InputError, calling the loader `name`, unless its data set can be asked for any
    example, and has one."""
    if not isinstance(loader, DataLoader):
        raise InputError(f"{name} is {type(loader).__name__}; expected a torch DataLoader")
    if isinstance(loader.dataset, IterableDataset) or not hasattr(loader.dataset, "__len__"):
        raise InputError(
            f"the data set of {name} has no length, so a search can't pick its batches; give one "
            f"with __len__ and __getitem__, or a task of your own (netadapt.Task)"
        )
    if not examples_of(loader):
        raise InputError(f"the data set of {name} is empty")


def examples_of(loader: DataLoader[Any]) -> int:
    """How many examples the data set of `loader` has."""
    return len(loader.dataset)  # type: ignore[arg-type]


def on_device(batch: Any, device: torch.device) -> Any:
    """`batch` in the same form, its tensors on `device`; what is no tensor stays."""
    move: Callable[[Tensor], Tensor] = lambda tensor: tensor.to(device)  # noqa: E731
    return changed_outputs(batch, move)


class _Seeded(Dataset[Any]):
    """A data set that is asked for an example with the seed of what is random in it."""

    def __init__(self, examples: Dataset[Any]) -> None:
        self._examples = examples

    def __len__(self) -> int:
        return len(self._examples)  # type: ignore[arg-type]

    def __getitem__(self, asked: tuple[int, int]) -> Any:
        index, seed = asked
        state, numpys = random.getstate(), np.random.get_state()
        try:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                random.seed(seed)
                np.random.seed(seed)
                return self._examples[index]
        finally:
            random.setstate(state)
            np.random.set_state(numpys)


class _Order:
    """Indices with seeds, batch by batch and without end."""

    def __init__(self, count: int, batch_size: int, seed: int, start_step: int) -> None:
        self._count, self._size, self._seed, self._start = count, batch_size, seed, start_step

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        step = self._start
        while True:
            places = range(step * self._size, (step + 1) * self._size)
            yield [(self._index(place), self._seed_of(place)) for place in places]
            step += 1

    def _index(self, place: int) -> int:
        epoch, at = divmod(place, self._count)
        order = np.random.default_rng((0, self._seed, epoch)).permutation(self._count)
        return int(order[at])

    def _seed_of(self, place: int) -> int:
        return int(np.random.default_rng((1, self._seed, place)).integers(LARGEST_SEED))
