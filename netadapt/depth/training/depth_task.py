"""Monocular depth as a task: images to metres, from two depth sources."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from netadapt.depth.data.base import DepthSource
from netadapt.depth.data.canonical import Canonical
from netadapt.depth.data.loader import batches
from netadapt.depth.data.subsets import Part, shuffled_evenly, spread
from netadapt.depth.data.transforms import PUBLISHED_RANGE, AugmentationRange
from netadapt.depth.fastdepth.config import INPUT_SIZE
from netadapt.depth.training.losses import Loss, loss_named
from netadapt.depth.training.metrics import METRICS, DepthMetrics
from netadapt.depth.training.pictures import draw_depths
from netadapt.depth.training.recipe import RECIPES
from netadapt.errors import DataError
from netadapt.networks.network_outputs import main_output
from netadapt.training.modes import evaluation_mode

CACHE_LIMIT_BYTES = 2 << 30
"""A holdout that is smaller than this, transformed, is kept in memory between evaluations."""

EVALUATED_AT_ONCE = 16

SAMPLES = 4
"""Images of the holdout that are drawn after an epoch."""

LONG_TERM = replace(RECIPES["default"], loss="log-l1-gradient")
"""Loss and augmentation of a long training."""


class DepthTask:
    """Monocular depth: images to metres.

    `train` and `holdout` are depth sources, whose metres are brought to the canonical camera's
    (`netadapt.depth.data.focal_length`): of an image whose focal length is half of NYU's they
    count twice. `size` is the network's input (height, width) in
    pixels; at most `holdout_images` of the holdout, spread evenly over it, are evaluated. Batches
    lie on the device `compute`; training images are changed within `augmentation`; of `world_size`
    processes each trains on batches of its own.
    """

    metrics: tuple[str, ...] = ("delta1", "rmse_m", "absrel")
    long_term_options: Mapping[str, Any] = {
        "loss": LONG_TERM.loss,
        "max_scale": LONG_TERM.max_scale,
    }

    def __init__(
        self,
        train: DepthSource,
        holdout: DepthSource,
        size: tuple[int, int] = INPUT_SIZE,
        *,
        loss: str | Loss = "l1",
        holdout_images: int | None = None,
        compute: torch.device | str = "cpu",
        rank: int = 0,
        world_size: int = 1,
        augmentation: AugmentationRange = PUBLISHED_RANGE,
    ) -> None:
        if len(train) == 0 or len(holdout) == 0:
            empty = "training" if len(train) == 0 else "holdout"
            raise DataError(
                f"the data has no {empty} images; run 'netadapt data check' to see what it has"
            )
        self.train = Canonical(train)
        holdout = Canonical(holdout)
        judged = holdout if holdout_images is None else spread(holdout, holdout_images)
        self.holdout = shuffled_evenly(judged)
        self.size = size
        self.compute = torch.device(compute)
        self._augmentation = augmentation
        self._process = {"rank": rank, "world_size": world_size}
        self._loss = loss_named(loss) if isinstance(loss, str) else loss
        self._kept: dict[int, tuple[Tensor, Tensor]] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Without the holdout that is kept in memory: another process reads it by itself."""
        return {**vars(self), "_holdout_batches": None}

    def loss(self, output: Any, target: Tensor) -> Tensor:
        """The loss of the network's main output, in metres."""
        return self._loss(main_output(output), target)

    def distillation_loss(self, output: Any, teacher_output: Any) -> Tensor:
        """The same loss, against the depth that a teacher gives, in metres."""
        return self._loss(main_output(output), main_output(teacher_output))

    def training_batches(
        self, batch_size: int, seed: int, start_step: int = 0
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Augmented batches: images `[B, 3, H, W]` in [0, 1], depth `[B, 1, H, W]` in metres."""
        return map(
            _channels_last,
            batches(
                self.train,
                batch_size,
                self.size,
                seed=seed,
                train=True,
                start_step=start_step,
                device=self.compute,
                augmentation=self._augmentation,
                **self._process,
            ),
        )

    def evaluate(self, model: nn.Module) -> dict[str, float]:
        """The means over the holdout of every metric in `METRICS`."""
        summary = _measured(model, self.evaluation_batches()).summary()
        return {name: summary[name] for name in METRICS}

    @property
    def holdout_count(self) -> int:
        """How many images `evaluate` takes the means over."""
        return len(self.holdout)

    def evaluate_images(self, model: nn.Module, images: range) -> dict[str, Tensor]:
        """Every metric in `METRICS` of each of these images of the holdout: `[len(images)]`.

        They come in an order that spreads the first ones over the set.
        """
        rows = _measured(model, self.evaluation_batches(images)).per_image()
        return {name: torch.tensor(rows[name].to_list(), dtype=torch.float64) for name in METRICS}

    @property
    def training_count(self) -> int:
        """How many images an epoch has."""
        return len(self.train)

    @property
    def facts(self) -> dict[str, str]:
        """For a row of an epoch: the size of the images."""
        return {"size": "{}x{}".format(*self.size)}

    def for_long_training(self, **options: Any) -> DepthTask:
        """The same task with the loss and augmentation of a long training.

        `options` are some of `long_term_options`. Raises InputError for a value that can't be.
        """
        recipe = replace(LONG_TERM, **options)
        other = copy.copy(self)
        other._loss, other._augmentation = loss_named(recipe.loss), recipe.augmentation
        return other

    def draw_samples(self, model: nn.Module, path: Path) -> None:
        """Image, truth and prediction of a few images of the holdout, as a PNG."""
        images, depth = next(self.evaluation_batches())
        images, depth = images[:SAMPLES], depth[:SAMPLES]
        with evaluation_mode(model), torch.inference_mode():
            draw_depths(images, depth, main_output(model(images)), path)

    def at_size(self, size: tuple[int, int]) -> DepthTask:
        """The same task at another input size."""
        other = copy.copy(self)
        other.size, other._kept = size, {}
        return other

    def evaluation_batches(self, images: range | None = None) -> Iterator[tuple[Tensor, Tensor]]:
        """The holdout, or some of it: images `[B, 3, H, W]` and depth `[B, 1, H, W]`."""
        wanted = range(len(self.holdout)) if images is None else images
        if len(self.holdout) * 4 * 4 * self.size[0] * self.size[1] >= CACHE_LIMIT_BYTES:
            yield from map(_channels_last, self._read(wanted))
            return
        missing = [index for index in wanted if index not in self._kept]
        if missing:
            one_by_one = (
                (x, y) for batch in self._read(missing) for x, y in zip(*batch, strict=True)
            )
            self._kept.update(zip(missing, one_by_one, strict=True))
        for start in range(0, len(wanted), EVALUATED_AT_ONCE):
            pairs = [self._kept[index] for index in wanted[start : start + EVALUATED_AT_ONCE]]
            image, depth = map(torch.stack, zip(*pairs, strict=True))
            yield _channels_last((image, depth))

    def _read(self, images: Sequence[int]) -> Iterator[tuple[Tensor, Tensor]]:
        source = Part(self.holdout, images)
        return batches(source, EVALUATED_AT_ONCE, self.size, train=False, device=self.compute)


def _measured(model: nn.Module, holdout: Iterable[tuple[Tensor, Tensor]]) -> DepthMetrics:
    metrics = DepthMetrics()
    with evaluation_mode(model), torch.inference_mode():
        for image, depth in holdout:
            metrics.update(main_output(model(image)), depth)
    return metrics


def _channels_last(batch: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Convolutions follow their input's layout, and depthwise ones train twice as fast in this."""
    images, depth = batch
    return images.contiguous(memory_format=torch.channels_last), depth
