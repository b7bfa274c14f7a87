"""Batches for a network, read and transformed one or two ahead in a background thread.

What batch a step gets depends on the seed and the step alone, so that a killed run goes on at
any step with the batches it would have had. Which device, how many steps and what is done with
the batches is the caller's affair.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from netadapt.depth.data import transforms
from netadapt.depth.data.base import DepthSource
from netadapt.depth.data.transforms import Size
from netadapt.depth.fastdepth.config import INPUT_SIZE
from netadapt.errors import DataError

Batch = tuple[Tensor, Tensor]
"""x float32 [B, 3, h, w] in [0, 1] and y float32 [B, 1, h, w] in metres, 0 = invalid."""

T = TypeVar("T")

PREFETCHED = 2
"""Batches waiting while the network works on one; more would only take memory."""

_ORDER, _AUGMENTATION = 0, 1


def batches(
    source: DepthSource,
    batch_size: int,
    size: Size = INPUT_SIZE,
    *,
    seed: int = 0,
    train: bool,
    start_step: int = 0,
    rank: int = 0,
    world_size: int = 1,
    device: torch.device | str = "cpu",
    augmentation: transforms.AugmentationRange = transforms.PUBLISHED_RANGE,
) -> Generator[Batch, None, None]:
    """Batches (x, y) of `source` at `size`, on `device`, from step `start_step` on.

    Training never ends: every epoch shows each pair once in a new order, augmented anew; a batch
    may straddle two epochs. Evaluation is one pass in the source's order, the last batch smaller.
    Of several processes, each with its `rank`, every one gets `batch_size` pairs of its own a
    step. `augmentation` bounds the random changes of training images. A damaged file's DataError
    is raised at the batch it belongs to. Close the iterator (or drop it) to stop the thread.
    """
    if len(source) == 0 or batch_size < 1 or not 0 <= rank < world_size:
        raise DataError(
            f"no batches of {batch_size} from {len(source)} images for rank {rank} of {world_size}"
        )
    share = _Share(len(source), batch_size, rank, world_size, seed)
    target = torch.device(device)

    def make(step: int) -> Batch | None:
        indices = share.training(step) if train else share.evaluation(step)
        if not indices:
            return None
        pairs = [source.read(index) for index in indices]
        if not train:
            return _batch(
                pairs, lambda rgb, depth: transforms.for_evaluation(rgb, depth, size), target
            )
        generator = _generator(seed, _AUGMENTATION, step * world_size + rank)
        return _batch(
            pairs,
            lambda rgb, depth: transforms.for_training(rgb, depth, size, generator, augmentation),
            target,
        )

    return prefetched(make, start_step)


class _Share:
    """Which pairs a process reads at a step."""

    def __init__(self, length: int, batch_size: int, rank: int, world_size: int, seed: int) -> None:
        self._length, self._batch_size, self._seed = length, batch_size, seed
        self._rank, self._world_size = rank, world_size
        self._epoch = -1
        self._order: list[int] = []

    def training(self, step: int) -> list[int]:
        first = step * self._batch_size * self._world_size + self._rank
        last = first + self._batch_size * self._world_size
        return [self._at(position) for position in range(first, last, self._world_size)]

    def evaluation(self, step: int) -> list[int]:
        mine = range(self._rank, self._length, self._world_size)
        return list(mine[step * self._batch_size : (step + 1) * self._batch_size])

    def _at(self, position: int) -> int:
        epoch, within = divmod(position, self._length)
        if epoch != self._epoch:
            generator = _generator(self._seed, _ORDER, epoch)
            self._epoch = epoch
            self._order = torch.randperm(self._length, generator=generator).tolist()
        return self._order[within]


def _generator(seed: int, purpose: int, number: int) -> torch.Generator:
    """A CPU generator whose stream depends on all three and overlaps no other in practice."""
    state = np.random.SeedSequence([seed, purpose, number]).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(state[0]))


def _batch(
    pairs: list[tuple[np.ndarray, np.ndarray]],
    transform: Callable[[Tensor, Tensor], Batch],
    device: torch.device,
) -> Batch:
    """Stack and transform; images of different sizes are transformed one by one."""
    if len({depth.shape for _, depth in pairs}) > 1:
        parts = [_batch([pair], transform, device) for pair in pairs]
        return torch.cat([x for x, _ in parts]), torch.cat([y for _, y in parts])
    rgb = torch.from_numpy(np.stack([image for image, _ in pairs]))
    depth = torch.from_numpy(np.stack([metres for _, metres in pairs]))
    return transform(rgb.to(device), depth.to(device))


def prefetched(make: Callable[[int], T | None], start_step: int) -> Generator[T, None, None]:
    """`make(start_step)`, `make(start_step + 1)`, … until None, made in a thread of its own."""
    ready: queue.Queue[T | BaseException | None] = queue.Queue(maxsize=PREFETCHED)
    stopped = threading.Event()

    def hand_over(item: T | BaseException | None) -> None:
        while not stopped.is_set():
            try:
                ready.put(item, timeout=0.1)
            except queue.Full:
                continue
            return

    def work() -> None:
        step = start_step
        try:
            while not stopped.is_set():
                batch = make(step)
                hand_over(batch)
                if batch is None:
                    return
                step += 1
        except BaseException as error:
            hand_over(error)

    thread = threading.Thread(target=work, name="netadapt-loader", daemon=True)
    thread.start()
    try:
        while True:
            item = ready.get()
            if item is None:
                return
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stopped.set()
        thread.join()
