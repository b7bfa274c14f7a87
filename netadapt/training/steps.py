"""One training step, the same for a proposal's few and for a long training's many."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor, nn

from netadapt.cpu_share import SHARE
from netadapt.errors import InputError, ModelError
from netadapt.networks.network_inputs import Inputs, fed, tensors_in
from netadapt.networks.network_outputs import changed_outputs, named_outputs
from netadapt.training.convolutions import faster_convolutions
from netadapt.training.optimizers import Optimizers
from netadapt.training.task import Task, of_task, on_a_batch
from netadapt.users_code import users_code


@SHARE.watched
def train_step(
    model: nn.Module,
    task: Task,
    optimizers: Optimizers,
    inputs: Inputs,
    target: Any,
    *,
    bfloat16: bool = False,
    when: str = "",
) -> float:
    """Move the weights of `model` once, by the task's loss on a batch; gives that loss.

    With `bfloat16`, convolutions compute in that where it pays, and the loss in float32. A loss
    that isn't finite raises InputError, which says `when` and what may be at fault, and leaves the
    weights as they were; so does one that is no scalar, and a batch that the network can't take,
    naming the task.
    """
    optimizers.zero_grad()
    first = tensors_in(inputs, of_task(task, "training_batches"))[0]
    with (
        users_code(on_a_batch(task)),
        faster_convolutions(first.device, bfloat16=bfloat16),
    ):
        output = fed(model, inputs)
    if bfloat16:
        output = changed_outputs(output, Tensor.float)
    with users_code(of_task(task, "loss")):
        loss = task.loss(output, target)
        _require_scalar(loss, task)
        _require_gradient(loss, output, model, task)
        loss.backward()  # type: ignore[no-untyped-call]
    # A GPU is waited for here, and not before the gradients, which it computes by itself.
    value = float(loss.detach())
    if not math.isfinite(value):
        raise InputError(f"the loss became {value}{when}; {_at_fault(model, optimizers)}")
    optimizers.step()
    return value


def _at_fault(model: nn.Module, optimizers: Optimizers) -> str:
    """What to do about a loss that isn't finite: no learning rate is at fault before a step."""
    if optimizers.have_stepped:
        return "try a lower learning rate, or check the data (depth's with 'netadapt data check')"
    for name, weight in model.named_parameters():
        if not bool(weight.isfinite().all()):
            return f"{name} of the network given holds numbers that aren't finite: give other ones"
    return (
        "no step was taken yet, so the learning rate isn't at fault: check the data (depth's with "
        "'netadapt data check') and the task's loss"
    )


def _require_scalar(loss: Any, task: Task) -> None:
    if not isinstance(loss, Tensor) or loss.numel() != 1:
        shape = list(loss.shape) if isinstance(loss, Tensor) else type(loss).__name__
        raise InputError(f"{of_task(task, 'loss')} gave {shape}; expected a tensor of one number")


def _require_gradient(loss: Tensor, output: Any, model: nn.Module, task: Task) -> None:
    """Raise InputError, naming the part at fault, where no gradient flows from `loss`."""
    if loss.requires_grad:
        return
    name = type(model).__name__
    if any(tensor.requires_grad for _, tensor in named_outputs(output)):
        raise InputError(
            f"{of_task(task, 'loss')} gave a number that no gradient flows back from; compute it "
            f"of the network's output in torch, without item(), detach() or no_grad()"
        )
    if not any(weight.requires_grad for weight in model.parameters()):
        raise ModelError(
            f"no weight of the network {name} takes a gradient (requires_grad is False of all), so "
            f"nothing of it can be trained; call requires_grad_(True) on what may be"
        )
    raise ModelError(
        f"no gradient flows back from what the network {name} gives; let its forward compute that "
        f"of its trainable weights, without detach() or no_grad()"
    )
