"""Handwritten digits: what a user writes to prune a network of their own for a task of their own.

`network` builds a small ResNet, `task` says what it is for; `python -m examples.digits FILE`
trains it in seconds into the weights that `netadapt prune --weights FILE` starts from. The images
are scikit-learn's (`pip install scikit-learn`): 1,797 of 8×8 grey pixels, from the UCI repository
(Alpaydin and Kaynak, 1998).
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from sklearn.datasets import load_digits
from torch import Tensor, nn

from netadapt import ClassificationTask, FineTuning
from netadapt.files import atomic_path
from netadapt.training.finetune import fine_tune

WIDTHS = (32, 64, 128)
TRAINING = FineTuning(
    steps=300, learning_rate=0.05, batch_size=32, schedule="cosine", warmup_steps=20
)


class Block(nn.Module):
    """Two 3×3 convolutions around a shortcut (He et al., 2016)."""

    def __init__(self, entering: int, leaving: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(entering, leaving, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(leaving)
        self.conv2 = nn.Conv2d(leaving, leaving, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(leaving)
        self.shortcut = nn.Sequential()
        if stride != 1 or entering != leaving:
            self.shortcut = nn.Sequential(
                nn.Conv2d(entering, leaving, 1, stride, bias=False), nn.BatchNorm2d(leaving)
            )

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


class DigitsNet(nn.Module):
    """A ResNet of three stages: `[B, 1, 8, 8]` to the scores of ten digits `[B, 10]`."""

    def __init__(self) -> None:
        super().__init__()
        first = WIDTHS[0]
        self.stem = nn.Sequential(
            nn.Conv2d(1, first, 3, 1, 1, bias=False), nn.BatchNorm2d(first), nn.ReLU()
        )
        stages: list[nn.Module] = []
        for entering, leaving in zip((first, *WIDTHS), WIDTHS, strict=False):
            stages.append(Block(entering, leaving, 1 if entering == leaving else 2))
        self.stages = nn.Sequential(*stages)
        self.head = nn.Linear(WIDTHS[-1], 10)

    def forward(self, image: Tensor) -> Tensor:
        return self.head(self.stages(self.stem(image)).mean((2, 3)))


def network() -> nn.Module:
    """The network, with weights that are always the same random ones."""
    torch.manual_seed(0)
    return DigitsNet()


def task() -> ClassificationTask:
    """The task of the search: 1,077 images to train on, and 360 held out to choose by."""
    images, labels = _digits()
    train, holdout = slice(0, 1077), slice(1077, 1437)
    return ClassificationTask((images[train], labels[train]), (images[holdout], labels[holdout]))


def test_task() -> ClassificationTask:
    """The same with the last 360 images, which neither training nor the search ever sees."""
    images, labels = _digits()
    return ClassificationTask((images[:1077], labels[:1077]), (images[1437:], labels[1437:]))


def train(file: Path) -> nn.Module:
    """Train the network on the task, always with the same result, and keep its weights."""
    model = network()
    fine_tune(model, task(), TRAINING, seed=0)
    with atomic_path(file) as temporary:
        save_file(model.state_dict(), temporary)
    return model.eval()


def _digits() -> tuple[Tensor, Tensor]:
    """All images `[1797, 1, 8, 8]` in [0, 1] and their labels, in an order drawn once."""
    bunch = load_digits()
    order = torch.randperm(len(bunch.target), generator=torch.Generator().manual_seed(0))
    images = torch.from_numpy(bunch.images).float()[:, None] / 16
    return images[order], torch.from_numpy(bunch.target).long()[order]


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("expected a file for the weights: python -m examples.digits digits.safetensors")
    trained = train(Path(sys.argv[1]))
    print({name: round(value, 4) for name, value in test_task().evaluate(trained).items()})
