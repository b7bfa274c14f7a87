"""How to fine-tune, as a record; no torch, so that the command line can show its defaults."""

from __future__ import annotations

import math
from dataclasses import dataclass

from netadapt.errors import InputError


@dataclass(frozen=True)
class FineTuning:
    """How to fine-tune. The learning rate follows `schedule`: constant or cosine (to zero)."""

    steps: int
    learning_rate: float = 1e-3
    batch_size: int = 8
    momentum: float = 0.9
    weight_decay: float = 1e-4
    schedule: str = "constant"
    warmup_steps: int = 0

    def __post_init__(self) -> None:
        if self.steps < 0:
            raise InputError(f"fine-tuning steps are {self.steps}; expected 0 or more")
        if self.learning_rate <= 0 or not math.isfinite(self.learning_rate):
            raise InputError(f"the learning rate is {self.learning_rate}; expected a number > 0")
        if self.batch_size < 2:
            raise InputError(
                f"the batch size is {self.batch_size}; batch norm needs at least 2 images"
            )
        if self.schedule not in ("constant", "cosine"):
            raise InputError(f"the schedule is '{self.schedule}'; expected constant or cosine")

    def learning_rate_at(self, step: int) -> float:
        """The learning rate of `step`, counted from 0."""
        if step < self.warmup_steps:
            return self.learning_rate * (step + 1) / self.warmup_steps
        if self.schedule == "constant":
            return self.learning_rate
        span = max(1, self.steps - self.warmup_steps)
        return (
            self.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - self.warmup_steps) / span))
        )
