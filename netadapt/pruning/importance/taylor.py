"""What the loss would change by if a unit were gone, to first order.

The estimate of Molchanov et al. (CVPR 2019, arXiv 1906.10771): for each batch the weights of a unit
times their gradients, summed and squared. Where layers are cut together, a unit is all of them, so
its terms are summed before they are squared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from netadapt.graph import ChannelGroup, LayerGraph
from netadapt.networks.network_inputs import fed, tensors_in
from netadapt.pruning.importance.base import free_groups
from netadapt.training.convolutions import faster_convolutions
from netadapt.training.modes import evaluation_mode
from netadapt.training.task import Task, batches_of, of_task
from netadapt.users_code import users_code


@dataclass(frozen=True)
class Taylor:
    """First-order saliency over `images` of the training set, in batches of `batch_size`.

    The network is in evaluation mode, so that batch norm is what it will be. Scores of different
    groups are in one unit, the loss squared, and may be compared.
    """

    images: int = 128
    batch_size: int = 8
    name: str = "taylor"

    def __call__(
        self, model: nn.Module, graph: LayerGraph, task: Task, seed: int
    ) -> Mapping[str, Tensor]:
        groups = free_groups(graph)
        names = _learnable(model, groups)
        parameters = dict(model.named_parameters())
        weights = [parameters[name] for name in names]
        totals = {group.name: torch.zeros(group.width, dtype=torch.float64) for group in groups}
        with evaluation_mode(model), _with_gradients(weights):
            for gradients in self._gradients(model, weights, task, seed):
                terms = {
                    name: (weight.detach() * gradient).double().cpu()
                    for name, weight, gradient in zip(names, weights, gradients, strict=True)
                    if gradient is not None
                }
                for group in groups:
                    totals[group.name] += _change(group, terms).square()
        return totals

    def _gradients(
        self, model: nn.Module, weights: list[nn.Parameter], task: Task, seed: int
    ) -> Iterator[tuple[Tensor | None, ...]]:
        """Those of the loss on one batch after another."""
        what = of_task(task, "training_batches")
        with users_code(what):
            stream = task.training_batches(self.batch_size, seed)
        count = -(-self.images // self.batch_size)
        for _, (inputs, target) in zip(range(count), batches_of(task, stream), strict=False):
            device = tensors_in(inputs, what)[0].device
            with users_code("the network, on a batch of the task,"), faster_convolutions(device):
                output = fed(model, inputs)
            with users_code(of_task(task, "loss")):
                loss = task.loss(output, target)
            yield torch.autograd.grad(loss, weights, allow_unused=True)


def _learnable(model: nn.Module, groups: list[ChannelGroup]) -> list[str]:
    """The parameters that make the groups' channels, or act on each of them by itself."""
    known = dict(model.named_parameters())
    used = (use.param for group in groups for use in group.uses if use.role != "in")
    return [name for name in dict.fromkeys(used) if name in known]


@contextmanager
def _with_gradients(weights: list[nn.Parameter]) -> Iterator[None]:
    """All `weights` are learnable within; a user may have frozen some."""
    was = [weight.requires_grad for weight in weights]
    for weight in weights:
        weight.requires_grad_(True)
    try:
        with torch.enable_grad():
            yield
    finally:
        for weight, flag in zip(weights, was, strict=True):
            weight.requires_grad_(flag)


def _change(group: ChannelGroup, terms: Mapping[str, Tensor]) -> Tensor:
    """The sum of each unit's terms `[width]`."""
    total = torch.zeros(group.width, dtype=torch.float64)
    for use in group.uses:
        if use.role != "in" and use.param in terms:
            term = terms[use.param].movedim(use.axis, 0)
            rows = term.reshape(len(term), -1).sum(1)
            total += rows[torch.as_tensor(use.positions)].sum(1)
    return total


TAYLOR = Taylor()
