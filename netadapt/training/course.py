"""How a network is trained for long, in numbers, whatever its task.

What an application adds (sizes, losses, augmentation) is a class that inherits from this.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from netadapt.errors import InputError
from netadapt.training.optimizers import OPTIMIZERS
from netadapt.training.schedules import Cosine, Halving, Schedule, WarmUp
from netadapt.training.settings import require_batch_size

COURSE_SCHEDULES = ("step", "cosine")
WARM_UP_SHARE = 0.2
"""Of all steps, the most that the warm-up may take: on few images it would never end."""


def _require_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    """Raise InputError, which says the choices, unless `value` is one of them."""
    if value not in choices:
        raise InputError(f"{name} is '{value}'; expected one of {', '.join(choices)}")


@dataclass(frozen=True)
class Course:
    """How to train. Raises InputError for numbers that can't be."""

    epochs: int = 20
    batch_size: int = 8
    optimizer: str = "sgd"
    learning_rate: float = 0.01
    momentum: float = 0.9
    weight_decay: float = 1e-4
    schedule: str = "step"
    halve_every_epochs: int = 5
    warmup_steps: int = 0
    """In which the learning rate rises, at most a fifth of all steps."""
    ema_decay: float = 0.0
    """Of the exponential moving average of the weights that is evaluated and kept; 0 = none."""
    autocast: bool = False
    """Convolutions in bfloat16, on a processor the pointwise ones; the loss and the weights stay
    float32."""

    def __post_init__(self) -> None:
        _require_choice("optimizer", self.optimizer, OPTIMIZERS)
        _require_choice("schedule", self.schedule, COURSE_SCHEDULES)
        for name in ("epochs", "batch_size", "halve_every_epochs", "learning_rate"):
            value = getattr(self, name)
            if not value > 0 or not math.isfinite(value):
                raise InputError(f"{name} is {value}; expected a number > 0")
        require_batch_size(self.batch_size)
        if not 0 <= self.ema_decay < 1:
            raise InputError(f"ema_decay is {self.ema_decay}; expected a number from 0 to below 1")

    def steps_in(self, images: int) -> int:
        """How many steps pass over so many training images once. Raises InputError for none."""
        if images < self.batch_size:
            raise InputError(
                f"{images} training images are fewer than a batch of {self.batch_size}; use a "
                f"smaller --batch-size or more data"
            )
        return images // self.batch_size

    def learning_rate_at(self, step: int, steps_an_epoch: float) -> float:
        """The learning rate of `step`, counted from 0 over the whole training."""
        return self.schedule_over(steps_an_epoch)(step)

    def schedule_over(self, steps_an_epoch: float) -> Schedule:
        """The learning rate by step of the whole training; a cosine ends at zero."""
        highest, steps = self.learning_rate, round(self.epochs * steps_an_epoch)
        warmup = min(self.warmup_steps, int(WARM_UP_SHARE * steps))
        then: Schedule = Halving(highest, max(1, round(steps_an_epoch * self.halve_every_epochs)))
        if self.schedule == "cosine":
            then = Cosine(highest, warmup, steps)
        return WarmUp(highest, warmup, then)
