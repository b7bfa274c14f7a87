"""What the loss would change by if a unit were gone, to first order.

The estimate of Molchanov et al. (CVPR 2019, arXiv 1906.10771), by their gates: what a unit gives,
times the gradient of the loss for it, summed over an image and squared. It is read where channels
leave a batch norm, or their layer where no norm follows; in a network whose layers aren't modules,
at the weights, summed over a batch. Where layers are cut together a unit is all of them, so its
terms are summed before they are squared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

from netadapt.graph import ChannelGroup, LayerGraph
from netadapt.networks.network_inputs import Inputs, changed, fed, tensors_in
from netadapt.pruning.importance.base import free_groups
from netadapt.training.convolutions import faster_convolutions
from netadapt.training.modes import evaluation_mode
from netadapt.training.task import Task, of_task, on_a_batch, training_batches_of
from netadapt.users_code import users_code

Terms = Mapping[str, Tensor]
"""By parameter, along its channels: what each gives times its gradient, `[N, C]`."""


@dataclass(frozen=True)
class Taylor:
    """First-order saliency over `images` of the training set, in batches of `batch_size`.

    The network is in evaluation mode, so that batch norm is what it will be. Scores of different
    groups are in one unit, the loss squared, and may be compared.
    """

    images: int = 64
    batch_size: int = 8
    at_outputs: bool = True
    """False: at the weights in any network, as a first experiment had it (experiments/search)."""
    name: str = "taylor"

    def __call__(
        self, model: nn.Module, graph: LayerGraph, task: Task, seed: int
    ) -> Mapping[str, Tensor]:
        groups = free_groups(graph)
        if not groups:
            return {}
        taps = _taps(model, groups) if self.at_outputs else None
        terms_of = _at_weights(model, groups) if taps is None else _at_outputs(model, taps)
        totals = {group.name: torch.zeros(group.width, dtype=torch.float64) for group in groups}
        with evaluation_mode(model), torch.enable_grad():
            for loss_of in self._losses(model, task, seed):
                terms = terms_of(loss_of)
                for group in groups:
                    totals[group.name] += _change(group, terms).square().sum(0)
        return totals

    def _losses(self, model: nn.Module, task: Task, seed: int) -> Iterator[Callable[[], Tensor]]:
        """What computes the loss on one batch after another."""
        count = -(-self.images // self.batch_size)
        for inputs, target in islice(training_batches_of(task, self.batch_size, seed), count):
            tensors_in(inputs, of_task(task, "training_batches"))
            yield partial(_loss, model, task, changed(inputs, _followed), target)


def _loss(model: nn.Module, task: Task, inputs: Inputs, target: Any) -> Tensor:
    device = tensors_in(inputs, "a batch")[0].device
    with users_code(on_a_batch(task)), faster_convolutions(device):
        output = fed(model, inputs)
    with users_code(of_task(task, "loss")):
        return task.loss(output, target)


def _followed(tensor: Tensor) -> Tensor:
    """`tensor` with gradients, so that there are some behind it in a frozen network too."""
    return tensor.detach().requires_grad_() if tensor.is_floating_point() else tensor


def _change(group: ChannelGroup, terms: Terms) -> Tensor:
    """The sum of each unit's terms: `[N, width]`, or `[1, width]` where there are none."""
    total = torch.zeros(1, group.width, dtype=torch.float64)
    for use in group.uses:
        if use.role != "in" and use.param in terms:
            total = total + terms[use.param][:, torch.as_tensor(use.positions)].sum(2)
    return total


# At the outputs of modules, image by image.


def _taps(model: nn.Module, groups: list[ChannelGroup]) -> dict[str, tuple[nn.Module, int]] | None:
    """By parameter, the module that has it and the axis of channels in that module's output.

    Of each group its batch norms, or its layers where it has none; None where a group has neither.
    """
    known = {
        f"{name}.weight" if name else "weight": (module, axis)
        for name, module in model.named_modules()
        if (axis := _channel_axis(module)) is not None
    }
    taps: dict[str, tuple[nn.Module, int]] = {}
    for group in groups:
        own = {
            use.param: known[use.param]
            for use in group.uses
            if use.role != "in" and use.param in known
        }
        norms = {name: tap for name, tap in own.items() if isinstance(tap[0], _BatchNorm)}
        if not own:
            return None
        taps.update(norms or own)
    return taps


def _channel_axis(module: nn.Module) -> int | None:
    """The axis of the output along which the weight's channels lie; None where it has no such."""
    transposed = isinstance(module, _ConvTransposeNd)
    if isinstance(module, _BatchNorm) and module.weight is not None:
        return 1
    if isinstance(module, _ConvNd) and not (transposed and module.groups > 1):
        return 1
    return -1 if isinstance(module, nn.Linear) else None


def _at_outputs(
    model: nn.Module, taps: Mapping[str, tuple[nn.Module, int]]
) -> Callable[[Callable[[], Tensor]], Terms]:
    """What gives the terms of a loss, of each image."""
    weights = list(model.parameters())

    def terms_of(loss_of: Callable[[], Tensor]) -> Terms:
        given: list[tuple[str, Tensor]] = []

        def take(name: str, output: Tensor) -> Tensor:
            # Behind inputs that are no real numbers nothing has a gradient: it begins here.
            followed = output if output.requires_grad else output.detach().requires_grad_()
            given.append((name, followed))
            return followed.clone()  # which may be changed in place: `x += shortcut`

        hooks = [
            module.register_forward_hook(lambda *call, name=name: take(name, call[2]))
            for name, (module, _) in taps.items()
        ]
        try:
            with _gradients_of(weights, wanted=False):  # they would be a third of the work
                loss = loss_of()
                outputs = [output for _, output in given]
                gradients = torch.autograd.grad(loss, outputs, allow_unused=True)
        finally:
            for hook in hooks:
                hook.remove()
        by_image = len({len(output) for output in outputs}) == 1  # not so where windows are cut out
        terms: dict[str, Tensor] = {}
        for (name, output), gradient in zip(given, gradients, strict=True):
            if gradient is not None:
                # In place: the layer's own memory, since the network went on with a copy.
                each = output.detach().mul_(gradient).movedim(taps[name][1], 1)
                term = each.reshape(*each.shape[:2], -1).sum(2).double().cpu()
                term = term if by_image else term.sum(0, keepdim=True)
                terms[name] = terms[name] + term if name in terms else term
        return terms

    return terms_of


# At the weights, batch by batch.


def _at_weights(
    model: nn.Module, groups: list[ChannelGroup]
) -> Callable[[Callable[[], Tensor]], Terms]:
    """What gives the terms of a loss, of a whole batch."""
    parameters = dict(model.named_parameters())
    axes = {
        use.param: use.axis
        for group in groups
        for use in group.uses
        if use.role != "in" and use.param in parameters
    }
    weights = [parameters[name] for name in axes]

    def terms_of(loss_of: Callable[[], Tensor]) -> Terms:
        with _gradients_of(weights, wanted=True):
            gradients = torch.autograd.grad(loss_of(), weights, allow_unused=True)
        return {
            name: (weight.detach() * gradient)
            .double()
            .cpu()
            .movedim(axis, 0)
            .reshape(1, weight.shape[axis], -1)
            .sum(2)
            for (name, axis), weight, gradient in zip(axes.items(), weights, gradients, strict=True)
            if gradient is not None
        }

    return terms_of


@contextmanager
def _gradients_of(weights: list[nn.Parameter], *, wanted: bool) -> Iterator[None]:
    """All `weights` are learnable within, or none is; a user may have frozen some."""
    was = [weight.requires_grad for weight in weights]
    for weight in weights:
        weight.requires_grad_(wanted)
    try:
        yield
    finally:
        for weight, flag in zip(weights, was, strict=True):
            weight.requires_grad_(flag)


TAYLOR = Taylor()
