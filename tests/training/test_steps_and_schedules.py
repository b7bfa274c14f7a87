"""One step, its learning rate, and the average of the weights: each against plain arithmetic."""

from __future__ import annotations

import copy
import itertools
import math
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from netadapt.depth.training.recipe import recipe_named
from netadapt.errors import InputError
from netadapt.training.classification import ClassificationTask
from netadapt.training.finetune import fine_tune
from netadapt.training.optimizers import Optimizers, make_optimizers
from netadapt.training.schedules import Constant, Cosine, Halving, WarmUp
from netadapt.training.settings import FineTuning
from netadapt.training.steps import train_step
from netadapt.training.weight_average import set_steps_done, weight_average


def network() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.Flatten(), nn.Linear(6 * 36, 4))


def task() -> ClassificationTask:
    data = torch.rand(32, 3, 8, 8), torch.randint(4, (32,))
    return ClassificationTask(data, data)


def test_schedules_rise_hold_and_fall() -> None:
    warm = WarmUp(0.1, 4, Constant(0.1))
    assert [warm(step) for step in range(6)] == pytest.approx([0.025, 0.05, 0.075, 0.1, 0.1, 0.1])
    assert WarmUp(0.1, 0, Constant(0.3))(0) == 0.3
    cosine = Cosine(0.2, start=10, end=20, floor=0.1)
    assert cosine(10) == 0.2
    assert cosine(15) == pytest.approx(0.2 * 0.55)
    assert cosine(20) == cosine(99) == pytest.approx(0.02)
    assert [Halving(1.0, 3)(step) for step in (0, 2, 3, 6)] == [1, 1, 0.5, 0.25]


@pytest.mark.parametrize("steps", [1, 2, 7, 100, 333])
@pytest.mark.parametrize("warmup", [0, 5])
def test_a_fine_tuning_falls_by_half_a_cosine_to_zero(steps: int, warmup: int) -> None:
    settings = FineTuning(steps, 0.01, schedule="cosine", warmup_steps=warmup)
    for step in range(warmup, steps):
        angle = math.pi * (step - warmup) / max(1, steps - warmup)
        wanted = np.float32(0.01 * 0.5 * (1 + math.cos(angle)))
        assert np.float32(settings.learning_rate_at(step)) == wanted


def test_a_recipe_s_rates_fall_by_half_a_cosine_to_zero() -> None:
    recipe = recipe_named("default", epochs=3, warmup_steps=20)
    for step in range(20, 300):
        progress = min(1.0, (step - 20) / (3 * 100 - 20))
        wanted = 8e-3 * 0.5 * (1 + math.cos(math.pi * progress))
        assert recipe.learning_rate_at(step, 100) == wanted
    published = recipe_named("fastdepth")
    for step in range(0, 3000, 7):
        assert published.learning_rate_at(step, 100) == 0.01 * 0.5 ** (step // 100 // 5)


@pytest.mark.parametrize("images", [8, 87, 800])
def test_a_recipe_on_few_images_warms_up_and_comes_to_an_end(images: int) -> None:
    recipe = recipe_named("default")
    steps_an_epoch = images // recipe.batch_size
    steps = recipe.epochs * steps_an_epoch
    rates = [recipe.learning_rate_at(step, steps_an_epoch) for step in range(steps)]
    assert max(rates) == recipe.learning_rate
    assert rates.index(max(rates)) <= min(recipe.warmup_steps, steps / 5)
    assert recipe.learning_rate_at(steps, steps_an_epoch) == 0
    assert rates[-1] < 0.01 * recipe.learning_rate


def test_fine_tuning_is_plain_sgd_of_torch() -> None:
    first = network()
    second, data = copy.deepcopy(first), task()
    settings = FineTuning(5, 0.05, batch_size=4, schedule="cosine", warmup_steps=2)
    fine_tune(first, data, settings, seed=3)
    weights = [p for p in second.parameters() if p.ndim > 1]
    others = [p for p in second.parameters() if p.ndim <= 1]
    groups = [{"params": weights, "weight_decay": 1e-4}, {"params": others, "weight_decay": 0.0}]
    sgd = torch.optim.SGD(groups, lr=0.05, momentum=0.9)
    second.train()
    for step, (inputs, labels) in enumerate(itertools.islice(data.training_batches(4, 3), 5)):
        for group in sgd.param_groups:
            group["lr"] = settings.learning_rate_at(step)
        sgd.zero_grad()
        nn.functional.cross_entropy(second(inputs), labels).backward()
        sgd.step()
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, other)


class Exploding:
    """A loss that is no number."""

    metrics = ("nothing",)

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        return output.sum() * torch.tensor(float("inf"))


def test_a_loss_that_is_no_number_ends_the_training_and_keeps_the_weights() -> None:
    model = network()
    before = copy.deepcopy(model.state_dict())
    optimizers = Optimizers([torch.optim.SGD(model.parameters(), lr=1.0)])
    with pytest.raises(InputError, match=r"the loss became -?(inf|nan) in epoch 3; no step was"):
        train_step(
            model.eval(), Exploding(), optimizers, torch.rand(2, 3, 8, 8), torch.zeros(2),
            when=" in epoch 3",
        )  # fmt: skip
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


class Sum(Exploding):
    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        return output.sum()


def test_what_is_at_fault_of_a_loss_that_is_no_number() -> None:
    """A learning rate isn't before a step was taken, nor are data where weights are no numbers."""
    batch = torch.rand(2, 3, 8, 8), torch.zeros(2)
    model = network().eval()
    optimizers = Optimizers([torch.optim.SGD(model.parameters(), lr=1.0)])
    train_step(model, Sum(), optimizers, *batch)
    with pytest.raises(InputError, match="; try a lower learning rate, or check the data"):
        train_step(model, Exploding(), optimizers, *batch)

    damaged, weight = network().eval(), "0.weight"
    damaged.get_parameter(weight).data[0] = float("nan")
    optimizers = Optimizers([torch.optim.SGD(damaged.parameters(), lr=1.0)])
    with pytest.raises(InputError, match=f"; {weight} of the network given holds numbers that ar"):
        train_step(damaged, Sum(), optimizers, *batch)


class Detached(nn.Module):
    """Its trainable weight has no part in what it gives."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = network()

    def forward(self, image: Tensor) -> Tensor:
        output: Tensor = self.inner(image)
        return output.detach()


@pytest.mark.parametrize(
    ("model", "loss", "said"),
    [
        (network().requires_grad_(False), None, "no weight of the network Sequential takes a grad"),
        (Detached(), None, "no gradient flows back from what the network Detached gives"),
        (
            network(),
            lambda output, labels: output.detach().sum(),
            "loss of the task ClassificationTask gave a number that no gradient flows back from",
        ),
    ],
)
def test_where_no_gradient_flows_the_part_that_stops_it_is_named(model, loss, said) -> None:
    learned = task()
    if loss is not None:
        learned.loss = loss
    with pytest.raises(InputError, match=said):
        fine_tune(model, learned, FineTuning(steps=1), seed=0)


def follow(average: dict[str, Tensor], model: nn.Module, decay: float, step: int) -> None:
    """The moving average as it is defined, tensor by tensor."""
    decay = min(decay, (1 + step) / (10 + step))
    for key, value in model.state_dict().items():
        if value.is_floating_point():
            average[key].lerp_(value, 1 - decay)
        else:
            average[key].copy_(value)


def test_the_average_follows_from_the_start_and_goes_on_to_the_same_bits() -> None:
    model, data = network().train(), task()
    optimizers = make_optimizers(model, "sgd", learning_rate=0.1, momentum=0.9, weight_decay=0)
    average = weight_average(model, 0.9)
    assert not average.module.training
    wanted = {key: value.clone() for key, value in model.state_dict().items()}
    for step, (inputs, labels) in enumerate(itertools.islice(data.training_batches(8, 0), 12), 1):
        train_step(model, data, optimizers, inputs, labels)
        if (
            step == 6
        ):  # killed and continued: the weights are put back, and how many steps there were
            state = average.module.state_dict()
            average = weight_average(model, 0.9)
            average.module.load_state_dict(state)
            set_steps_done(average, 5)
        average.update_parameters(model)
        follow(wanted, model, 0.9, step)
    got = average.module.state_dict()
    assert got.keys() == wanted.keys()
    assert all(torch.equal(got[key], wanted[key]) for key in wanted)
    assert int(got["1.num_batches_tracked"]) == 12


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"steps": -1}, "steps are -1"),
        ({"learning_rate": 0.0}, "learning rate is 0.0"),
        ({"batch_size": 1}, "at least 2 images"),
        ({"schedule": "step"}, "expected constant or cosine"),
    ],
)
def test_settings_that_cannot_be_are_refused(changes: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        FineTuning(**changes)


def test_the_defaults_are_read_without_torch() -> None:
    code = (
        "import sys, netadapt; f = netadapt.FineTuning(); "
        "print(f.steps, f.learning_rate, f.batch_size, 'torch' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert answer.stdout.strip() == "3 0.0003 8 False", answer.stderr
