"""Training recipes: everything that decides a depth training apart from the network and the data.

`fastdepth` is the published one (Wofk et al., ICRA 2019, section IV). `default` is ours, for a
network that starts from nothing: small images first, an optimiser that needs no tuning, less
enlargement, and the average of the weights is kept (chosen in experiments/recipes).
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from netadapt.depth.data.transforms import PUBLISHED_RANGE, AugmentationRange, Size
from netadapt.depth.fastdepth.config import INPUT_SIZE
from netadapt.depth.training.losses import loss_named
from netadapt.errors import InputError
from netadapt.training.course import Course


@dataclass(frozen=True)
class Recipe(Course):
    """How to train. Sizes are (height, width) in pixels."""

    size: Size = INPUT_SIZE
    stages: tuple[tuple[Size, float], ...] = ()
    """Smaller input sizes that come first, each with its share of the epochs: cheap, and a good
    start."""
    max_scale: float = PUBLISHED_RANGE.max_scale
    """Training images are enlarged up to this, and their depth divided by it."""
    max_angle_deg: float = PUBLISHED_RANGE.max_angle_deg
    """They are rotated by up to this, either way."""
    jitter: float = PUBLISHED_RANGE.jitter
    """Their brightness, contrast and saturation are multiplied by 1 ± up to this."""
    tint: float = PUBLISHED_RANGE.tint
    """Their red, green and blue are each multiplied by 1 ± up to this."""
    cut_depth: float = PUBLISHED_RANGE.cut_depth
    """Of this share of them a rectangle shows its depth in place of its colours (CutDepth)."""
    loss: str = "l1"
    teacher_share: float = 0.0
    """Of the loss, the share that asks for a teacher's depth; labels have the rest."""

    def __post_init__(self) -> None:
        loss_named(self.loss)
        super().__post_init__()
        if not 1 <= self.max_scale <= 4:
            raise InputError(f"max_scale is {self.max_scale}; expected a number from 1 to 4")
        if not 0 <= self.max_angle_deg <= 45:
            raise InputError(
                f"max_angle_deg is {self.max_angle_deg}; expected a number from 0 to 45"
            )
        for name in ("jitter", "tint", "cut_depth", "teacher_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name} is {getattr(self, name)}; expected a number from 0 to 1")
        for size in (self.size, *(size for size, _ in self.stages)):
            if any(side < 32 or side % 32 for side in size):
                raise InputError(f"the input size is {size}; expected multiples of 32 pixels")
        if sum(share for _, share in self.stages) > 1 or any(not s >= 0 for _, s in self.stages):
            raise InputError(
                f"stages take {[share for _, share in self.stages]} of the epochs; expected shares "
                f"from 0 that sum to 1 at most"
            )

    @property
    def augmentation(self) -> AugmentationRange:
        """How far training images may be changed."""
        return AugmentationRange(
            **{field.name: getattr(self, field.name) for field in fields(AugmentationRange)}
        )

    def for_input(self, size: Size) -> Recipe:
        """The same recipe for a network whose input has this size.

        The stages keep their heights and get its shape; those that aren't smaller are left out.
        """
        stages = tuple(
            ((height, max(32, 32 * round(height * size[1] / size[0] / 32))), share)
            for (height, _), share in self.stages
            if height < size[0]
        )
        return replace(self, size=size, stages=stages)

    def size_at(self, epoch: int) -> Size:
        """The input size of `epoch`, counted from 0."""
        passed = 0.0
        for size, share in self.stages:
            passed += share
            if epoch < round(passed * self.epochs):
                return size
        return self.size


RECIPES = {
    "fastdepth": Recipe(),
    "default": Recipe(
        epochs=30,
        # Full size must begin while the learning rate is high: a network that had come to 128
        # pixels a side lost 0.08 of delta1 at 224, and at a fiftieth of the rate couldn't make
        # up for it (models/fastdepth/rooms.md).
        stages=(((64, 64), 0.35), ((96, 96), 0.2), ((128, 128), 0.15)),
        max_scale=1.1,
        optimizer="adamw",
        learning_rate=8e-3,
        weight_decay=0.01,
        schedule="cosine",
        warmup_steps=100,
        ema_decay=0.998,
    ),
}


def parse_stages(text: str) -> tuple[tuple[Size, float], ...]:
    """The stages written as `64=0.4,128=0.2` (pixels a side = share of the epochs), or `none`.

    They are squares; `Recipe.for_input` gives them a network's own shape. Raises InputError for
    anything else.
    """
    if text.strip().lower() == "none":
        return ()
    stages = []
    for part in text.split(","):
        try:
            side, share = part.split("=")
            stages.append(((int(side), int(side)), float(share)))
        except ValueError:
            raise InputError(
                f"--stages has '{part.strip()}'; expected pixels a side = share of the epochs, "
                f"such as 64=0.4,128=0.2, or none"
            ) from None
    return tuple(stages)


def recipe_named(name: str, **changes: Any) -> Recipe:
    """The recipe called `name` with some fields changed (None = as it is).

    Raises InputError for a name that isn't a recipe or a field that isn't one.
    """
    if name not in RECIPES:
        raise InputError(f"no recipe is called '{name}'; choose one of {', '.join(RECIPES)}")
    known = {field.name for field in fields(Recipe)}
    for key in changes:
        if key not in known:
            raise InputError(f"a recipe has no '{key}'; it has {', '.join(sorted(known))}")
    return replace(RECIPES[name], **{key: v for key, v in changes.items() if v is not None})
