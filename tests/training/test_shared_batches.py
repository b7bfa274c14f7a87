"""Batches that are drawn once are for everybody what the task itself gives."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from itertools import islice

import pytest
import torch
from torch import Tensor

from netadapt.errors import InputError
from netadapt.training.shared_batches import SharedBatches
from netadapt.training.task import Batch, tells_images, training_batches_of
from tests.training.test_task_wrapper import task

ONE_BATCH = 8 * 4 * 4 + 8 * 8
"""Bytes of eight images of four numbers, and their labels."""


class Draws:
    """The small task, which notes the steps that it was asked for."""

    def __init__(self, way: str = "") -> None:
        self.way = way
        self.steps: list[int] = []
        self.own = task()
        self.metrics = self.own.metrics
        self.loss, self.evaluate = self.own.loss, self.own.evaluate

    def training_batches(self, batch_size: int, seed: int, start_step: int = 0) -> Iterator[Batch]:
        if self.way == "seeds":
            torch.manual_seed(seed)
        stream = self.own.training_batches(batch_size, seed, start_step)
        for step, (images, labels) in enumerate(stream, start_step):
            self.steps.append(step)
            if self.way == "ends" and step == 2:
                return
            if self.way == "fails" and step == 2:
                raise ValueError("torn")
            yield images, {labels} if self.way == "odd" else labels


def taken(given: SharedBatches | Draws, count: int = 4) -> list[Batch]:
    return list(islice(training_batches_of(given, 8, 5), count))


def same(some: list[Batch], others: list[Batch]) -> bool:
    pairs = zip(some, others, strict=True)
    return all(torch.equal(a, b) for pair in pairs for a, b in zip(*pair, strict=True))


@pytest.mark.parametrize(
    ("kept", "drawn"),
    [(4, [0, 1, 2, 3]), (2, [0, 1, 2, 2, 3, 2, 3]), (0, [0, *range(4), *range(4)])],
)
def test_each_is_drawn_once_as_far_as_there_is_room(kept: int, drawn: list[int]) -> None:
    own = Draws()
    shared = SharedBatches(own, most_bytes=kept * ONE_BATCH)
    first = taken(shared)
    assert same(first, taken(Draws()))
    for images, _ in first:
        images.zero_()  # as a network may that normalizes in place
    assert same(taken(shared), taken(Draws()))
    assert own.steps == drawn
    assert not same(taken(shared), list(islice(shared.training_batches(8, 6), 4)))
    assert same(list(islice(shared.training_batches(8, 5, 2), 2)), taken(Draws())[2:])


@pytest.mark.parametrize("way", ["seeds", "odd"])
def test_what_moves_random_numbers_or_cannot_be_copied_is_drawn_by_each(way: str) -> None:
    own = Draws(way)
    shared = SharedBatches(own)
    numbers: list[Tensor] = []
    for given in (Draws(way), shared, shared):
        torch.manual_seed(7)
        taken(given)
        numbers.append(torch.rand(3))
    assert torch.equal(numbers[0], numbers[1])
    assert torch.equal(numbers[0], numbers[2])
    assert own.steps == [0, *range(4), *range(4)]


def test_the_random_numbers_stay_as_they_are() -> None:
    shared = SharedBatches(Draws())
    before = torch.get_rng_state()
    for _ in range(2):
        taken(shared)
        assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("way", "said"),
    [("ends", "Draws ended after 2 batches"), ("fails", "Draws failed: .*: ValueError: torn")],
)
def test_who_comes_second_hears_of_a_fault_too(way: str, said: str) -> None:
    shared = SharedBatches(SharedBatches(Draws(way)))
    for _ in range(2):
        with pytest.raises(InputError, match=said):
            taken(shared)


def test_what_is_kept_is_not_sent_elsewhere() -> None:
    shared = SharedBatches(task())
    first = taken(shared)
    sent = pickle.loads(pickle.dumps(shared))
    assert not sent._streams
    assert same(taken(sent), first)
    assert tells_images(sent)
