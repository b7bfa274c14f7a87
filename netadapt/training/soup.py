"""Averages networks that were trained on apart from one start: a model soup.

Their weights may lie close enough together that the middle is a better network than each of them
(Wortsman et al., ICML 2022). What its layers see is another thing than either saw, so batch norm is
measured again, on images as evaluation has them (models/fastdepth/rooms.md says what others cost).
The average over the steps of one training is `weight_average.py`.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import update_bn

from netadapt.errors import WeightsError


@torch.no_grad()
def average_networks(networks: Sequence[nn.Module], batches: Iterable[Tensor]) -> nn.Module:
    """A network with the mean of `networks`' weights, and batch norm's statistics over `batches`.

    `batches` are inputs [B, …] as they are evaluated. Raises WeightsError where two differ in a
    tensor's name or shape.
    """
    average = copy.deepcopy(networks[0])
    states = [network.state_dict() for network in networks]
    shapes = [{name: tensor.shape for name, tensor in state.items()} for state in states]
    for number, other in enumerate(shapes[1:], start=2):
        if other != shapes[0]:
            name = next(n for n in shapes[0] | other if shapes[0].get(n) != other.get(n))
            raise WeightsError(
                f"network {number} differs from the first in {name}: only networks of one kind and "
                f"the same widths have an average"
            )
    for name, tensor in average.state_dict().items():
        if tensor.is_floating_point():
            tensor.copy_(torch.stack([state[name] for state in states]).mean(0))
    was_training = average.training
    update_bn(batches, average)
    return average.train(was_training)
