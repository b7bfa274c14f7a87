"""Batches: decided by seed and step alone, and a thread that goes away."""

from __future__ import annotations

import threading
from collections import Counter
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_pairs import make_pair

from netadapt.depth.data import ArraySource, open_depth_data
from netadapt.depth.data.loader import Batch, batches
from netadapt.errors import DataError

SIZE = (24, 24)


def numbered(count: int, sizes: tuple[tuple[int, int], ...] = ((48, 64),)) -> ArraySource:
    """Pairs whose depth is their number + 1 everywhere, so that a batch tells whom it shows."""
    rgb, depth = [], []
    for number in range(count):
        size = sizes[number % len(sizes)]
        rgb.append(make_pair(number, *size)[0])
        depth.append(np.full(size, number + 1, np.float32))
    return ArraySource(rgb, depth)


def shown(batch: Batch) -> list[int]:
    depths = batch[1].amax((1, 2, 3))
    return [round(depth.item()) - 1 for depth in depths]


def loaders() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "netadapt-loader"]


def same(first: Batch, second: Batch) -> bool:
    return torch.equal(first[0], second[0]) and torch.equal(first[1], second[1])


def test_evaluation_is_one_pass_in_order() -> None:
    made = list(batches(numbered(7), 3, SIZE, train=False))
    assert [shown(batch) for batch in made] == [[0, 1, 2], [3, 4, 5], [6]]
    x, y = made[0]
    assert x.shape == (3, 3, *SIZE)
    assert x.dtype == torch.float32
    assert 0.0 <= x.min() < x.max() <= 1.0
    assert y.shape == (3, 1, *SIZE)
    assert not loaders()


def test_training_resumes_at_any_step_with_the_same_batches() -> None:
    source = numbered(5)
    whole = list(islice(batches(source, 2, SIZE, seed=3, train=True), 12))
    resumed = list(islice(batches(source, 2, SIZE, seed=3, train=True, start_step=7), 5))
    assert all(same(*pair) for pair in zip(whole[7:], resumed, strict=True))
    other = next(batches(source, 2, SIZE, seed=4, train=True))
    assert not same(whole[0], other)
    assert not same(whole[0], whole[5])


class Recorder:
    """A source that remembers what was read."""

    def __init__(self, count: int) -> None:
        self._source = numbered(count)
        self.names = self._source.names
        self.reads: list[int] = []

    def __len__(self) -> int:
        return len(self._source)

    def read(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        self.reads.append(index)
        return self._source.read(index)


def test_an_epoch_shows_every_pair_once_in_a_new_order() -> None:
    source = Recorder(10)
    stream = batches(source, 4, SIZE, seed=1, train=True)
    for _ in range(10):
        next(stream)
    stream.close()
    epochs = [source.reads[start : start + 10] for start in (0, 10, 20)]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]


def test_processes_share_an_epoch_without_overlap() -> None:
    reads: Counter[int] = Counter()
    for rank in range(2):
        source = Recorder(12)
        stream = batches(source, 3, SIZE, seed=1, train=True, rank=rank, world_size=2)
        for _ in range(2):
            next(stream)
        stream.close()
        reads.update(source.reads[:6])
    assert reads == Counter(range(12))
    evaluated = [
        [number for batch in made for number in shown(batch)]
        for made in (
            batches(numbered(7), 2, SIZE, train=False, rank=rank, world_size=2) for rank in range(2)
        )
    ]
    assert evaluated == [[0, 2, 4, 6], [1, 3, 5]]


def test_a_batch_may_hold_images_of_several_sizes() -> None:
    source = numbered(4, ((48, 64), (60, 60)))
    (batch,) = batches(source, 4, SIZE, train=False)
    assert shown(batch) == [0, 1, 2, 3]
    x, _ = next(batches(source, 4, SIZE, seed=0, train=True))
    assert x.shape == (4, 3, *SIZE)


def test_a_broken_file_is_raised_at_its_batch(nyu_folder: Path) -> None:
    (nyu_folder / "train/study_0002/00006.h5").write_bytes(b"nothing")
    stream = batches(open_depth_data(nyu_folder, "train"), 3, SIZE, train=False)
    next(stream)
    with pytest.raises(DataError, match=r"study_0002/00006\.h5"):
        next(stream)
    assert not loaders()


def test_closing_and_dropping_stop_the_thread() -> None:
    stream = batches(numbered(3), 2, SIZE, train=True)
    next(stream)
    assert len(loaders()) == 1
    stream.close()
    assert not loaders()
    stream = batches(numbered(3), 2, SIZE, train=True)
    next(stream)
    del stream
    assert not loaders()


def test_impossible_requests_are_refused_at_once() -> None:
    with pytest.raises(DataError, match="no batches of 0 from 3 images"):
        batches(numbered(3), 0, SIZE, train=True)
    with pytest.raises(DataError, match="rank 2 of 2"):
        batches(numbered(3), 1, SIZE, train=True, rank=2, world_size=2)
