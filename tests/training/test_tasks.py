"""Tasks by name: registered, installed, or given by a function."""

from __future__ import annotations

import inspect
import itertools
import textwrap
from typing import Any

import pytest
import torch
from torch import nn

from netadapt.errors import InputError
from netadapt.registry import Registry
from netadapt.training import tasks
from netadapt.training.classification import ClassificationTask
from netadapt.training.finetune import fine_tune
from netadapt.training.settings import FineTuning
from netadapt.training.task import (
    Task,
    evaluated,
    evaluated_images,
    require_task,
    tells_images,
)
from netadapt.training.tasks import TaskRequest, open_task

REQUEST = TaskRequest("somewhere", ((1, 8),))


def example() -> Any:
    """The task in the protocol's docstring."""
    text = inspect.getdoc(Task) or ""
    scope: dict[str, Any] = {"torch": torch, "nn": nn, "itertools": itertools}
    exec(textwrap.dedent(text[text.index("    class") :]), scope)
    return scope["Parity"]()


def half() -> object:
    """A task without an evaluation."""
    task = example()
    members = ("metrics", "loss", "training_batches")
    return type("Half", (), {name: getattr(task, name) for name in members})()


def test_the_example_of_the_protocol_is_a_task_that_trains() -> None:
    task = open_task("tests.training.test_tasks:example", REQUEST)
    model = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 2))
    before = task.evaluate(model)["accuracy"]
    settings = FineTuning(steps=400, learning_rate=0.3, batch_size=64, schedule="cosine")
    fine_tune(model, task, settings, seed=0)
    assert task.evaluate(model)["accuracy"] > max(0.7, before)
    third = next(itertools.islice(task.training_batches(4, 5), 3, None))
    assert torch.equal(third[0], next(task.training_batches(4, 5, start_step=3))[0])


def test_a_classification_tells_its_examples_apart() -> None:
    generator = torch.Generator().manual_seed(0)
    images, labels = torch.rand(600, 4, generator=generator), torch.arange(600) % 3
    task = ClassificationTask((images, labels), (images, labels))
    assert tells_images(task)
    model = nn.Linear(4, 3)
    parts = [task.evaluate_images(model, part) for part in (range(300), range(300, 600))]
    for name, value in task.evaluate(model).items():
        assert torch.cat([part[name] for part in parts]).mean() == pytest.approx(value, rel=1e-5)


def test_images_that_are_none_are_the_task_s_fault() -> None:
    examples = (torch.rand(6, 4), torch.zeros(6).long())
    task = ClassificationTask(examples, examples)
    task.evaluate_images = lambda model, images: {"accuracy": torch.zeros(3)}  # type: ignore[method-assign]
    with pytest.raises(InputError, match=r"gave \[3\] as accuracy; expected a tensor \[6\]"):
        evaluated_images(nn.Linear(4, 3), task, range(6))


def test_a_registered_task_gets_the_request(monkeypatch: pytest.MonkeyPatch) -> None:
    mine: Registry[Any] = Registry("task", group="netadapt.tasks")
    monkeypatch.setattr(tasks, "TASKS", mine)
    mine.register("mine", lambda request: (request.data, request.holdout_images))
    assert open_task("mine", TaskRequest("there", ((1, 3, 8, 8),), 7)) == ("there", 7)
    with pytest.raises(InputError, match="no task called 'other'; choose one of mine, depth"):
        open_task("other", REQUEST)


def test_functions_that_give_no_task_are_refused_by_what_is_missing() -> None:
    with pytest.raises(InputError, match=r"half\(\) gives, of the class Half, has no evaluate"):
        open_task("tests.training.test_tasks:half", REQUEST)
    with pytest.raises(InputError, match="cannot import 'nowhere'"):
        open_task("nowhere:task", REQUEST)


def test_classification_counts_what_is_right() -> None:
    inputs = torch.tensor([[2.0, 0.0], [0.0, 2.0], [3.0, 0.0], [0.0, 1.0]])
    labels = torch.tensor([0, 1, 1, 1])
    task = ClassificationTask((inputs, labels), (inputs, labels))
    model = nn.Identity().train()
    assert task.evaluate(model)["accuracy"] == 0.75
    assert model.training
    batch, of_batch = next(task.training_batches(3, seed=1))
    assert (batch.shape, of_batch.shape) == ((3, 2), (3,))
    with pytest.raises(InputError, match=r"gives \[4, 2, 1\] where labels are \[4\]; a class"):
        task.evaluate(nn.Unflatten(1, (2, 1)))
    with pytest.raises(InputError, match="holdout has 4 inputs and 3 labels"):
        ClassificationTask((inputs, labels), (inputs, labels[:3]))


def with_members(**members: Any) -> Any:
    """The example task, with some members otherwise."""
    task = example()
    vars(task).update(members)
    return task


def batch(count: int) -> tuple[torch.Tensor, ...]:
    return torch.zeros(4, 8), torch.zeros(4, dtype=torch.long), *(torch.zeros(4),) * (count - 2)


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"loss": lambda output, target: output.sum(1)}, r"loss of the task Parity gave \[4\]"),
        ({"loss": lambda output, target: 1.0}, "loss of the task Parity gave float"),
        (
            {"loss": lambda output, target: 1 / 0},
            "loss of .* failed: .*<lambda>: ZeroDivisionError",
        ),
        ({"training_batches": lambda *given: iter([batch(2)])}, "ended after 1 batches"),
        ({"training_batches": lambda *given: iter([])}, "ended after 0 batches"),
        ({"training_batches": lambda *given: iter([batch(3)])}, "gave a batch of 3 parts"),
        ({"training_batches": lambda *given: None}, "training_batches of .* failed: TypeError"),
        ({"training_batches": lambda *given: iter([(torch.zeros(4, 5), 0)])}, "the network, on a"),
    ],
)
def test_a_training_names_the_task_that_is_at_fault(members: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said) as raised:
        fine_tune(nn.Linear(8, 2), with_members(**members), FineTuning(2, batch_size=4), seed=0)
    assert "\n" not in str(raised.value)
    assert ("failed" in str(raised.value)) == (raised.value.__cause__ is not None)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"accuracy": float("nan")}, "gave accuracy = nan; expected a finite number"),
        ({"accuracy": float("inf")}, "gave accuracy = inf"),
        ({"accuracy": "good"}, "gave accuracy = 'good'"),
        ({"accuracy": torch.zeros(2)}, "gave accuracy = tensor"),
        ({"loss": 1.0}, "gave no accuracy; it gave loss"),
        ({}, "gave no accuracy; it gave nothing"),
        (None, "gave NoneType; expected a number for each of accuracy"),
    ],
)
def test_an_evaluation_gives_a_finite_number_for_each_metric(given: Any, said: str) -> None:
    task = with_members(evaluate=lambda model: given)
    with pytest.raises(InputError, match=f"evaluate of the task Parity {said}"):
        evaluated(nn.Linear(8, 2), task)
    task = with_members(evaluate=lambda model: {"accuracy": torch.tensor(0.5), "other": None})
    assert evaluated(nn.Linear(8, 2), task) == {"accuracy": 0.5}


def test_what_an_evaluation_raises_is_the_cause() -> None:
    def evaluate(model: nn.Module) -> dict[str, float]:
        raise ValueError("my own bug\nin two lines")

    with pytest.raises(
        InputError,
        match=r"test_tasks\.py:\d+ in evaluate: ValueError: my own bug; in two lines; mend it",
    ) as raised:
        evaluated(nn.Linear(8, 2), with_members(evaluate=evaluate))
    assert isinstance(raised.value.__cause__, ValueError)


@pytest.mark.parametrize("names", ["accuracy", (), ("a", "a"), ("a", 1), ("a\n",), ("",), None])
def test_metrics_are_different_names(names: Any) -> None:
    with pytest.raises(InputError, match="the task has the metrics"):
        require_task(with_members(metrics=names), "the task")
    with pytest.raises(InputError, match="the task is the class Parity"):
        require_task(type(example()), "the task")


def test_classification_takes_any_seed_of_a_search() -> None:
    task = ClassificationTask(*[(torch.rand(9, 2), torch.zeros(9, dtype=torch.long))] * 2)
    most = (2**32 - 1) * 100_003
    first, second = (next(task.training_batches(9, most + i))[0] for i in (0, 1))
    assert not torch.equal(first, second)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"steps": 2.5}, "fine-tuning steps are 2.5; expected a whole number"),
        ({"batch_size": "8"}, "the batch size is '8'; expected a whole number"),
        ({"learning_rate": None}, "the learning rate is None; expected a number"),
        ({"momentum": "x"}, "the momentum is 'x'; expected a number"),
    ],
)
def test_settings_are_numbers(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        FineTuning(**settings)
