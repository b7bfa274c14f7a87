"""How fast a network trains on a data set, and whether reading the data holds it up.

The same training steps are fed from HDF5 files, from a pack and from memory, in short rounds that
take turns, so that a machine that is busy for a while is busy for all of them.
"""

from __future__ import annotations

import os
import platform
import time
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import torch
from torch import nn

from netadapt.depth.data.base import DepthSource
from netadapt.depth.data.loader import PREFETCHED, batches
from netadapt.depth.data.reading_speed import forms_of
from netadapt.depth.fastdepth.config import INPUT_SIZE
from netadapt.depth.training.depth_task import DepthTask
from netadapt.errors import InputError
from netadapt.training.optimizers import Optimizers
from netadapt.training.steps import train_step


@dataclass(frozen=True)
class TrainingSpeed:
    """Images a second that a network trained on from one form of a data set, a figure a round."""

    form: str
    rounds: tuple[float, ...]

    @property
    def best(self) -> float:
        return max(self.rounds)

    @property
    def median(self) -> float:
        return median(self.rounds)


def measure_training(
    root: Path | str,
    model: nn.Module,
    *,
    split: str = "train",
    images: int = 256,
    size: tuple[int, int] = INPUT_SIZE,
    batch_size: int = 8,
    rounds: int = 5,
    seconds: float = 3.0,
    compute: torch.device | str = "cpu",
) -> list[TrainingSpeed]:
    """Train `model` from each form of up to `images` images of a split, `seconds` a round.

    The forms are those of `reading_speed.forms_of`, the last one memory. The model's weights
    change, its speed doesn't. Raises DataError as reading does.
    """
    if rounds < 1:
        raise InputError(f"rounds are {rounds}; expected 1 or more")
    device = torch.device(compute)
    model.to(device)
    speeds: dict[str, list[float]] = {}
    with ExitStack() as stack:
        runs = {
            form: stack.enter_context(closing(_Run(model, source, size, batch_size, device)))
            for form, source in stack.enter_context(forms_of(Path(root), split, images))
        }
        for _ in range(rounds):
            for form, run in runs.items():
                speeds.setdefault(form, []).append(run.images_per_s(seconds))
    return [TrainingSpeed(form, tuple(values)) for form, values in speeds.items()]


def share_of_memory(speeds: list[TrainingSpeed], form: str) -> tuple[float, float]:
    """What share of the speed from memory `form` reaches: (median of the rounds, of the bests).

    A round is compared with the same round from memory, which it took turns with.
    """
    by_form = {speed.form: speed for speed in speeds}
    mine, memory = by_form[form], by_form["memory"]
    pairs = zip(mine.rounds, memory.rounds, strict=True)
    return median(one / other for one, other in pairs), mine.best / memory.best


def machine_name(compute: torch.device | str = "cpu") -> str:
    """What computes, in words: the GPU, or the processor with its cores and torch's threads."""
    device = torch.device(compute)
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    name = models[0] if models else platform.processor() or platform.machine()
    return f"{name}, {os.cpu_count()} cores, {torch.get_num_threads()} threads for the network"


class _Run:
    """A training from one form of the data that goes on from round to round.

    Loss and optimizer are the published recipe's.
    """

    def __init__(
        self,
        model: nn.Module,
        source: DepthSource,
        size: tuple[int, int],
        batch_size: int,
        device: torch.device,
    ) -> None:
        self._model = model
        self._task = DepthTask(source, source, size, loss="l1", compute=device)
        self._optimizers = Optimizers([torch.optim.SGD(model.parameters(), lr=1e-4, momentum=0.9)])
        self._stream = batches(source, batch_size, size, seed=0, train=True, device=device)

    def images_per_s(self, seconds: float) -> float:
        """Images a second over `seconds` of training, and at least one step."""
        self._model.train()
        for _ in range(PREFETCHED + 1):  # what the reading thread had prepared since its last turn
            self._step()
        done, start = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - start) < seconds or not done:
            done += self._step()
        return done / elapsed

    def close(self) -> None:
        """Stop reading."""
        self._stream.close()

    def _step(self) -> int:
        images, depth = next(self._stream)
        images = images.contiguous(memory_format=torch.channels_last)  # as training has them
        train_step(self._model, self._task, self._optimizers, images, depth)
        return len(images)
