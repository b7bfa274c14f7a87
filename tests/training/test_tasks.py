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
from netadapt.training.task import MEMBERS, Task
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
    return type("Half", (), {name: getattr(task, name) for name in MEMBERS if name != "evaluate"})()


def test_the_example_of_the_protocol_is_a_task_that_trains() -> None:
    task = open_task("tests.training.test_tasks:example", REQUEST)
    model = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 2))
    before = task.evaluate(model)["accuracy"]
    settings = FineTuning(steps=400, learning_rate=0.3, batch_size=64, schedule="cosine")
    fine_tune(model, task, settings, seed=0)
    assert task.evaluate(model)["accuracy"] > max(0.7, before)
    third = next(itertools.islice(task.training_batches(4, 5), 3, None))
    assert torch.equal(third[0], next(task.training_batches(4, 5, start_step=3))[0])


def test_a_registered_task_gets_the_request(monkeypatch: pytest.MonkeyPatch) -> None:
    mine: Registry[Any] = Registry("task", group="netadapt.tasks")
    monkeypatch.setattr(tasks, "TASKS", mine)
    mine.register("mine", lambda request: (request.data, request.holdout_images))
    assert open_task("mine", TaskRequest("there", ((1, 3, 8, 8),), 7)) == ("there", 7)
    with pytest.raises(InputError, match="no task called 'other'; choose one of mine, depth"):
        open_task("other", REQUEST)


def test_functions_that_give_no_task_are_refused_by_what_is_missing() -> None:
    with pytest.raises(InputError, match=r"half\(\) gives has no evaluate; see netadapt\.training"):
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
    with pytest.raises(InputError, match="holdout has 4 inputs and 3 labels"):
        ClassificationTask((inputs, labels), (inputs, labels[:3]))
