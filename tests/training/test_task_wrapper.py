"""A task that counts its images, and one whose targets a teacher gives."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from torch import nn

from netadapt.errors import InputError
from netadapt.training.classification import ClassificationTask
from netadapt.training.finetune import fine_tune
from netadapt.training.settings import FineTuning
from netadapt.training.task import require_task, tells_images
from netadapt.training.task_wrapper import CountedTask, DistilledTask


def task(labels: torch.Tensor | None = None) -> ClassificationTask:
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(90, 4, generator=generator)
    labels = images[:, :3].argmax(1) if labels is None else labels
    return ClassificationTask((images, labels), (images, images[:, :3].argmax(1)))


def teacher() -> nn.Module:
    """Knows which of the first three numbers is the largest."""
    linear = nn.Linear(4, 3)
    with torch.no_grad():
        linear.weight.copy_(20 * torch.eye(3, 4))
        linear.bias.zero_()
    return linear


def test_images_are_counted_whoever_asks_for_batches() -> None:
    counted = CountedTask(task())
    stream = counted.training_batches(8, 0)
    for _ in range(3):
        next(stream)
    fine_tune(nn.Linear(4, 3), counted, FineTuning(steps=2, batch_size=5), seed=0)
    assert counted.images == 3 * 8 + 2 * 5
    assert require_task(counted, "it") is counted
    assert tells_images(counted)


def test_a_network_learns_from_its_teacher_without_labels() -> None:
    worthless = task(labels=torch.zeros(90).long())
    torch.manual_seed(0)
    model = nn.Linear(4, 3)
    distilled = DistilledTask(worthless, teacher())
    before = distilled.evaluate(model)["accuracy"]
    fine_tune(model, distilled, FineTuning(steps=300, learning_rate=0.5, batch_size=32), seed=0)
    assert distilled.evaluate(model)["accuracy"] > max(0.9, before)


@pytest.mark.parametrize("share", [0.25, 0.75])
def test_a_teacher_with_a_share_leaves_the_rest_to_labels(share: float) -> None:
    inner = task()
    taught = DistilledTask(inner, teacher(), share)
    inputs, target = next(taught.training_batches(8, 0))
    _, labels = next(inner.training_batches(8, 0))
    model = nn.Linear(4, 3)
    output = model(inputs)
    alone = DistilledTask(inner, teacher()).loss(output, target[1])
    expected = (1 - share) * inner.loss(output, labels) + share * alone
    torch.testing.assert_close(taught.loss(output, target), expected)


def test_the_teacher_stays_as_it_is() -> None:
    master = nn.Sequential(nn.BatchNorm1d(4), nn.Dropout(), nn.Linear(4, 3)).train()
    before = copy.deepcopy(master.state_dict())
    distilled = DistilledTask(task(), master)
    _, first = next(distilled.training_batches(8, 0))
    _, second = next(distilled.training_batches(8, 0))
    assert torch.equal(first, second)  # no dropout
    assert not first.requires_grad
    assert master.training
    for name, value in master.state_dict().items():
        assert torch.equal(value, before[name])


def test_a_task_without_a_loss_of_its_own_takes_the_distance_to_the_teacher() -> None:
    class Plain:
        metrics = ("score",)

        def __init__(self) -> None:
            inner = task()
            self.training_batches, self.evaluate = inner.training_batches, inner.evaluate

        def loss(self, output: object, target: object) -> torch.Tensor:
            raise AssertionError("labels aren't needed")

    distilled = DistilledTask(Plain(), teacher())  # type: ignore[arg-type]
    output = {"logits": torch.tensor([[1.0, 3.0]])}
    loss = distilled.loss(output, {"logits": torch.tensor([[2.0, 6.0]])})
    assert float(loss) == pytest.approx(2.0 / 2.0)


def test_errors_name_the_task_itself() -> None:
    class Ends:
        metrics = ("score",)
        loss = evaluate = None

        def training_batches(self, *_: object) -> list[object]:
            return []

    with pytest.raises(InputError, match="training_batches of the task Ends ended after 0"):
        next(DistilledTask(Ends(), teacher()).training_batches(8, 0))  # type: ignore[arg-type]


def test_they_travel_to_other_processes() -> None:
    distilled = pickle.loads(pickle.dumps(DistilledTask(task(), teacher())))
    assert distilled.metrics == ("accuracy", "cross_entropy")
    assert distilled.holdout_count == 90
