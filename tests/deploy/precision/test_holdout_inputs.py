"""The sample of what an evaluation shows a network."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from netadapt.deploy.precision.holdout_inputs import seen_by


class Pair(nn.Module):
    def forward(self, image: Tensor, other: Tensor) -> Tensor:
        return image + other


def shown(count: int, most: int) -> list[float]:
    """The numbers kept of 0, 1, …, each shown as an image and, negative, as the other input."""
    model = Pair()
    with seen_by(model, most) as kept:
        for part in torch.arange(float(count)).reshape(count, 1).split(7):
            model(part, other=-part)
    model(torch.zeros(1, 1), torch.zeros(1, 1))  # outside the block
    assert all(image.shape == (1, 1) and torch.equal(other, -image) for image, other in kept)
    return [float(image) for image, _ in kept]


def test_all_of_a_few_and_a_sample_of_many() -> None:
    assert shown(5, 10) == [0, 1, 2, 3, 4]
    many = shown(1000, 20)
    assert len(set(many)) == 20
    assert 300 < sum(many) / 20 < 700  # from all over
    assert many == shown(1000, 20)
