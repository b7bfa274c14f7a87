"""A pair of DataLoaders, a loss and metrics as a task."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Subset

from netadapt.errors import InputError
from netadapt.networks.network_inputs import fed
from netadapt.training.loader_batches import (
    examples_of,
    on_device,
    require_indexed,
    seeded_batches,
)
from netadapt.training.modes import evaluation_mode
from netadapt.training.task import Batch

Metric = Callable[[Any, Any], Tensor]
"""Called with the network's output and the target of a batch; gives a value an example, `[B]`."""


class LoaderTask:
    """What the loaders `train` and `holdout` give, `(input, target)`, with a loss and metrics.

    `metrics` maps names to functions of output and target; a search keeps the first one high.
    Batches lie on `device`. Raises InputError for a loader whose data set has no length.

        task = LoaderTask(
            train_loader, test_loader, nn.functional.cross_entropy,
            {"accuracy": lambda scores, labels: (scores.argmax(1) == labels).float()},
        )
    """

    def __init__(
        self,
        train: DataLoader[Any],
        holdout: DataLoader[Any],
        loss: Callable[[Any, Any], Tensor],
        metrics: Mapping[str, Metric],
        *,
        device: torch.device | str = "cpu",
    ) -> None:
        require_indexed("train", train)
        require_indexed("holdout", holdout)
        self._train, self._holdout = train, holdout
        self._loss, self._metrics = loss, dict(metrics)
        self._device = torch.device(device)
        self.metrics = tuple(self._metrics)

    def loss(self, output: Any, target: Any) -> Tensor:
        return self._loss(output, target)

    def training_batches(self, batch_size: int, seed: int, start_step: int = 0) -> Iterator[Batch]:
        for batch in seeded_batches(self._train, batch_size, seed, start_step):
            yield on_device(batch, self._device)

    @property
    def training_count(self) -> int:
        """How many examples an epoch has."""
        return examples_of(self._train)

    def evaluate(self, model: nn.Module) -> dict[str, float]:
        """The mean of every metric over the holdout."""
        found = self.evaluate_images(model, range(self.holdout_count))
        return {name: float(values.double().nanmean()) for name, values in found.items()}

    @property
    def holdout_count(self) -> int:
        """How many examples `evaluate` takes the means over."""
        return examples_of(self._holdout)

    def evaluate_images(self, model: nn.Module, images: range) -> dict[str, Tensor]:
        """Every metric of each of these examples of the holdout: `[len(images)]`."""
        loader = DataLoader(
            Subset(self._holdout.dataset, images),
            batch_size=self._holdout.batch_size or 1,
            collate_fn=self._holdout.collate_fn,
            num_workers=self._holdout.num_workers,
            generator=torch.Generator(),  # else it draws from that of everybody
        )
        found: dict[str, list[Tensor]] = {name: [] for name in self._metrics}
        with evaluation_mode(model), torch.inference_mode():
            for batch in loader:
                inputs, target = on_device(batch, self._device)
                output = fed(model, inputs)
                for name, metric in self._metrics.items():
                    found[name].append(_of_each(metric(output, target), name).cpu())
        return {name: torch.cat(values) for name, values in found.items()}


def _of_each(values: Any, name: str) -> Tensor:
    if not isinstance(values, Tensor) or values.ndim != 1:
        shape = list(values.shape) if isinstance(values, Tensor) else type(values).__name__
        raise InputError(f"the metric {name} gave {shape}; expected a value an example, [B]")
    return values
