"""A LightningModule as a task: its own `training_step` and `validation_step` say loss and metrics.

Lightning itself isn't needed, only the protocol of its modules. Their steps call the network
themselves; here they are given its output in the network's place.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from netadapt.errors import InputError
from netadapt.networks.network_inputs import Inputs, examples_in, fed, tensors_in
from netadapt.training.loader_batches import examples_of, on_device, require_indexed, seeded_batches
from netadapt.training.modes import evaluation_mode
from netadapt.training.task import Batch


class LightningTask:
    """The steps of `module` on what the loaders `train` and `holdout` give.

    `network` is the attribute that holds the network to be pruned (`module.model`); '' where that
    is the module itself. `metrics` are names that `validation_step` logs; a search keeps the first
    one high, so an accuracy comes before a loss. `inputs` says what of a batch the network is fed.
    Raises InputError for a module that lacks any of this.

        task = LightningTask(module, train_loader, val_loader, network="model",
                             metrics=("val_acc", "val_loss"))
        netadapt.prune(module.model, example, task=task, budget={"tx2": 6.0})
    """

    def __init__(
        self,
        module: nn.Module,
        train: DataLoader[Any],
        holdout: DataLoader[Any],
        *,
        metrics: tuple[str, ...],
        network: str = "",
        inputs: Callable[[Any], Inputs] | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        for member in ("training_step", "validation_step"):
            if not callable(getattr(module, member, None)):
                raise InputError(f"{type(module).__name__} has no {member}; a LightningModule has")
        if network and not isinstance(getattr(module, network, None), nn.Module):
            raise InputError(f"{type(module).__name__} has no network called '{network}'")
        require_indexed("train", train)
        require_indexed("holdout", holdout)
        self._module, self._network = module, network
        self._train, self._holdout = train, holdout
        self._inputs = inputs or _first
        self._device = torch.device(device)
        self.metrics = tuple(metrics)

    def loss(self, output: Any, target: Any) -> Tensor:
        """What `training_step` gives for a batch, where the network gave `output`."""
        given: Any = self._given(output, target).training_step(target)
        loss: Tensor = given["loss"] if isinstance(given, Mapping) else given
        return loss

    def training_batches(self, batch_size: int, seed: int, start_step: int = 0) -> Iterator[Batch]:
        for batch in seeded_batches(self._train, batch_size, seed, start_step):
            placed = on_device(batch, self._device)
            yield self._inputs(placed), placed

    @property
    def training_count(self) -> int:
        """How many examples an epoch has."""
        return examples_of(self._train)

    def evaluate(self, model: nn.Module) -> dict[str, float]:
        """What `validation_step` logs, averaged over the examples of the holdout."""
        sums: dict[str, float] = {}
        count = 0
        with evaluation_mode(model), torch.inference_mode():
            for batch in self._holdout:
                placed = on_device(batch, self._device)
                inputs = self._inputs(placed)
                given = self._given(fed(model, inputs), placed)
                size = examples_in(inputs)
                for name, value in given.validation_step(placed).items():
                    sums[name] = sums.get(name, 0.0) + size * value
                count += size
        return {name: total / count for name, total in sums.items()}

    def _given(self, output: Any, batch: Any) -> _Given:
        return _Given(self._module, self._network, _Output(output, self._inputs(batch)))


def _first(batch: Any) -> Any:
    return batch[0]


class _Output(nn.Module):
    """Stands where the network was, and gives what it gave for `inputs`, once.

    A step that asks for anything else can't be served: it raises InputError.
    """

    def __init__(self, output: Any, inputs: Inputs) -> None:
        super().__init__()
        self._output = (output,)  # in a tuple it is no buffer
        self._tensors = tensors_in(inputs, "the batch")
        self._called = False

    def forward(self, *arguments: Any, **named: Any) -> Any:
        asked = [item for item in (*arguments, *named.values()) if isinstance(item, Tensor)]
        same = len(asked) == len(self._tensors) and all(
            one is other for one, other in zip(asked, self._tensors, strict=True)
        )
        if self._called or not same:
            how = "twice" if self._called else "something else than the batch's inputs"
            raise InputError(
                f"a step of the LightningModule feeds its network {how}; say what is fed with "
                f"inputs=…, or give a task of your own (netadapt.Task)"
            )
        self._called = True
        return self._output[0]

    def named_parameters(self, *_: Any, **__: Any) -> Any:
        raise InputError(
            "a step of the LightningModule reads its network's parameters; weight_decay does that "
            "for the penalty on them, anything else needs a task of your own (netadapt.Task)"
        )


class _Given:
    """A module whose network has been run already."""

    def __init__(self, module: nn.Module, network: str, output: _Output) -> None:
        self._logged: dict[str, float] = {}
        self._module: Any = copy.copy(module)
        self._module.__dict__["_modules"] = dict(module._modules)
        if network:
            self._module._modules[network] = output
        else:
            self._module.__dict__["forward"] = output.forward
        self._module.__dict__["log"] = self._log
        self._module.__dict__["log_dict"] = self._log_dict

    def training_step(self, batch: Any) -> Any:
        return self._step("training_step", batch)

    def validation_step(self, batch: Any) -> dict[str, float]:
        self._step("validation_step", batch)
        return self._logged

    def _step(self, name: str, batch: Any) -> Any:
        step = getattr(self._module, name)
        takes_number = len(inspect.signature(step).parameters) > 1
        return step(batch, 0) if takes_number else step(batch)

    def _log(self, name: str, value: Any, *_: Any, **__: Any) -> None:
        if isinstance(value, nn.Module) or not isinstance(value, (Tensor, int, float)):
            raise InputError(
                f"the LightningModule logs {name} as {type(value).__name__}; expected a number: "
                f"log what the metric gives for the batch"
            )
        self._logged[name] = float(value.detach() if isinstance(value, Tensor) else value)

    def _log_dict(self, values: Mapping[str, Any], *_: Any, **__: Any) -> None:
        for name, value in values.items():
            self._log(name, value)
