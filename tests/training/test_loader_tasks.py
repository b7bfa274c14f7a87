"""DataLoaders and LightningModules become tasks, whose batches depend on seed and step alone."""

from __future__ import annotations

import itertools
import pickle
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, IterableDataset

import netadapt
from netadapt.errors import InputError
from netadapt.training.finetune import fine_tune
from netadapt.training.lightning_task import LightningTask
from netadapt.training.loader_task import LoaderTask
from netadapt.training.settings import FineTuning
from netadapt.training.task import evaluated, require_task, tells_images


class Bright(Dataset[Any]):
    """Which third of a picture is bright; the picture is made anew each time that it is asked."""

    def __init__(self, count: int = 30) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image = torch.rand(3, 8, 8)
        image[index % 3] += 0.5
        return image, index % 3


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3, padding=1)
        self.head = nn.Linear(16, 3)

    def forward(self, image: Tensor) -> Tensor:
        return self.head(self.conv(image).relu().mean((2, 3)))


class Module(nn.Module):
    """What a LightningModule has: steps that call the network, and `log`."""

    def __init__(self) -> None:
        super().__init__()
        self.model = Net()

    def forward(self, image: Tensor) -> Tensor:
        return self.model(image)

    def log(self, *_: Any, **__: Any) -> None:
        raise RuntimeError("no trainer is attached")

    log_dict = log

    def training_step(self, batch: Any, batch_idx: int) -> dict[str, Tensor]:
        images, labels = batch
        loss = nn.functional.cross_entropy(self.model(images), labels)
        self.log("train_loss", loss, on_step=True)
        return {"loss": loss}

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        images, labels = batch
        scores = self.model(images)
        self.log("val_acc", (scores.argmax(1) == labels).float().mean(), prog_bar=True)
        self.log_dict({"val_loss": nn.functional.cross_entropy(scores, labels)})


class Whole(Module):
    """Calls itself, not an attribute."""

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        return nn.functional.cross_entropy(self(batch[0]), batch[1])

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.log("val_acc", (self(batch[0]).argmax(1) == batch[1]).float().mean())


def right(scores: Tensor, labels: Tensor) -> Tensor:
    return (scores.argmax(1) == labels).float()


def loaders(**options: Any) -> tuple[DataLoader[Any], DataLoader[Any]]:
    torch.manual_seed(0)
    held = [Bright(10)[index] for index in range(10)]
    return DataLoader(Bright(), 4, shuffle=True, **options), DataLoader(held, 4)  # type: ignore[arg-type]


def loader_task(**options: Any) -> LoaderTask:
    return LoaderTask(*loaders(**options), nn.functional.cross_entropy, {"accuracy": right})


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_depend_on_seed_and_step_alone(workers: int) -> None:
    task = loader_task(num_workers=workers)
    first = [next(stream) for stream in [task.training_batches(8, 5)] for _ in range(3)]
    torch.rand(7)  # whatever else is drawn meanwhile
    later = next(task.training_batches(8, 5, start_step=2))
    assert torch.equal(first[2][0], later[0])
    assert torch.equal(first[2][1], later[1])
    assert not torch.equal(first[0][0], next(task.training_batches(8, 6))[0])


def test_an_epoch_shows_every_example_once() -> None:
    task = loader_task()
    labels = [batch[1] for batch in itertools.islice(task.training_batches(5, 0), 6)]
    assert torch.cat(labels).bincount().tolist() == [10, 10, 10]


def test_examples_leave_the_random_numbers_of_others_alone() -> None:
    task = loader_task()
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    next(task.training_batches(8, 0))
    assert torch.equal(torch.rand(4), expected)


def test_loaders_are_a_task_that_tells_images_apart() -> None:
    task = loader_task()
    assert require_task(task, "it") is task
    assert tells_images(task)
    model = Net()
    parts = [task.evaluate_images(model, part)["accuracy"] for part in (range(3), range(3, 10))]
    assert torch.cat(parts).mean() == pytest.approx(task.evaluate(model)["accuracy"])


def test_a_network_is_pruned_by_its_loaders(tmp_path: Any) -> None:
    macs = netadapt.trace(Net(), torch.zeros(1, 3, 8, 8)).macs
    result = netadapt.prune(
        Net(), torch.zeros(1, 3, 8, 8), task=loader_task(), budget={"macs": 0.6 * macs},
        out=tmp_path / "run", strategy="saliency", finetune_steps=1,
    )  # fmt: skip
    assert result.model.conv.out_channels == 8


@pytest.mark.parametrize(("module", "network"), [(Module(), "model"), (Whole(), "")])
def test_a_lightning_module_says_loss_and_metrics(module: Module, network: str) -> None:
    task = LightningTask(module, *loaders(), network=network, metrics=("val_acc",))
    pruned: nn.Module = module.model if network else module
    before = {name: value.clone() for name, value in module.state_dict().items()}
    inputs, batch = next(task.training_batches(6, 0))
    expected = nn.functional.cross_entropy(pruned(inputs), batch[1])
    torch.testing.assert_close(task.loss(pruned(inputs), batch), expected)
    accuracy = loader_task().evaluate(pruned)["accuracy"]
    assert evaluated(pruned, task)["val_acc"] == pytest.approx(accuracy)
    other = Net()
    fine_tune(other, task, FineTuning(steps=2, batch_size=4), seed=0)
    for name, value in module.state_dict().items():
        assert torch.equal(value, before[name])  # the module's own network is no part of it


def test_a_lightning_network_learns() -> None:
    task = LightningTask(Module(), *loaders(), network="model", metrics=("val_acc", "val_loss"))
    torch.manual_seed(0)
    model = Net()
    fine_tune(model, task, FineTuning(steps=60, learning_rate=0.3, batch_size=12), seed=0)
    assert task.evaluate(model)["val_acc"] == 1.0


class Scaling(Module):
    """Feeds its network something else than the batch."""

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        return nn.functional.cross_entropy(self.model(2 * batch[0]), batch[1])

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.log("val_acc", (self.model(batch[0] * 0).argmax(1) == batch[1]).float().mean())


class Twice(Module):
    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        return (self.model(batch[0]) - self.model(batch[0])).abs().mean()


class Penalised(Module):
    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        return sum(weight.abs().sum() for weight in self.model.parameters())  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("module", "said"),
    [
        (Scaling(), "feeds its network something else than the batch's inputs"),
        (Twice(), "feeds its network twice"),
        (Penalised(), "reads its network's parameters; weight_decay"),
    ],
)
def test_a_step_that_needs_more_than_the_output_is_refused(module: Module, said: str) -> None:
    task = LightningTask(module, *loaders(), network="model", metrics=("val_acc",))
    inputs, batch = next(task.training_batches(6, 0))
    with pytest.raises(InputError, match=said):
        task.loss(module.model(inputs), batch)
    if isinstance(module, Scaling):
        with pytest.raises(InputError, match=said):
            task.evaluate(module.model)


class Short(Module):
    """Takes no batch_idx, and logs an object."""

    def training_step(self, batch: Any) -> Tensor:  # type: ignore[override]
        return nn.functional.cross_entropy(self.model(batch[0]), batch[1])

    def validation_step(self, batch: Any) -> None:  # type: ignore[override]
        self.log("val_acc", nn.Identity())


def test_a_step_without_a_number_runs_and_an_object_that_is_logged_is_named() -> None:
    module = Short()
    task = LightningTask(module, *loaders(), network="model", metrics=("val_acc",))
    inputs, batch = next(task.training_batches(6, 0))
    assert task.loss(module.model(inputs), batch) > 0
    with pytest.raises(InputError, match="logs val_acc as Identity; expected a number"):
        task.evaluate(module.model)


class Endless(IterableDataset[Any]):
    def __iter__(self) -> Any:
        return iter(())


@pytest.mark.parametrize(
    ("loader", "said"),
    [
        (DataLoader(Endless()), "the data set of train has no length"),
        (DataLoader([]), "the data set of train is empty"),  # type: ignore[arg-type]
        ([1, 2], "train is list; expected a torch DataLoader"),
    ],
)
def test_what_is_no_loader_of_examples_is_refused(loader: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        LoaderTask(loader, loaders()[1], nn.functional.cross_entropy, {"accuracy": right})


def test_what_is_no_lightning_module_is_refused() -> None:
    with pytest.raises(InputError, match="Net has no training_step"):
        LightningTask(Net(), *loaders(), metrics=("val_acc",))
    with pytest.raises(InputError, match="Module has no network called 'net'"):
        LightningTask(Module(), *loaders(), metrics=("val_acc",), network="net")
    mean = LoaderTask(
        *loaders(), nn.functional.cross_entropy, {"accuracy": lambda s, y: right(s, y).mean()}
    )
    with pytest.raises(InputError, match=r"the metric accuracy gave \[\]; expected a value"):
        mean.evaluate(Net())


def test_they_travel_to_other_processes() -> None:
    for task in (loader_task(), LightningTask(Module(), *loaders(), metrics=("val_acc",))):
        again = pickle.loads(pickle.dumps(task))
        assert torch.equal(
            next(again.training_batches(4, 1))[0], next(task.training_batches(4, 1))[0]
        )
