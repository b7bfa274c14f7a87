"""Training batches that many networks are trained on, drawn once.

All proposals of an iteration are trained on the same batches. Reading and augmenting them, and what
a teacher says of them, is work that the first one does for the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from netadapt.networks.network_outputs import changed_outputs, named_outputs
from netadapt.training.task import Batch, Task
from netadapt.training.task_wrapper import TaskWrapper

MOST_BYTES = 512 * 2**20
"""Of batches that are kept; a stream that is longer is drawn by each from there on."""


@dataclass
class _Stream:
    """What was drawn of a task's batches, and where to draw on."""

    source: Iterator[Batch] | None = None
    kept: list[Batch] = field(default_factory=list)
    bytes: int = 0
    is_open: bool = True
    """Whether more may be kept."""
    ended: bool = False
    """Whether the task has no more, which it should have."""


class SharedBatches(TaskWrapper):
    """`inner_task`, each of whose batches is drawn once, up to `most_bytes` of them.

    Everybody gets copies, as networks and losses may change them in place. Each draws for itself
    what can't be copied for sure, and of a task that moves torch's random numbers when it draws:
    the network's own numbers, of dropout, come after those.
    """

    def __init__(self, task: Task, most_bytes: int = MOST_BYTES) -> None:
        super().__init__(task)
        self._most_bytes = most_bytes
        self._streams: dict[tuple[int, int], _Stream] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Without what is kept: another process draws by itself."""
        return {**super().__getstate__(), "_streams": {}}

    def training_batches(self, batch_size: int, seed: int, start_step: int = 0) -> Iterator[Batch]:
        step = start_step
        if not start_step:
            stream = self._streams.setdefault((batch_size, seed), _Stream())
            while step < len(stream.kept) or self._drew(stream, batch_size, seed):
                yield changed_outputs(stream.kept[step], Tensor.clone)
                step += 1
            if stream.ended:
                return
        yield from super().training_batches(batch_size, seed, step)

    def _drew(self, stream: _Stream, batch_size: int, seed: int) -> bool:
        """Whether one more batch could be kept; if not, the random numbers are as before."""
        if not stream.is_open:
            return False
        stream.is_open = False  # also where what follows raises
        before = torch.get_rng_state()
        if stream.source is None:
            stream.source = iter(super().training_batches(batch_size, seed))
        batch = next(stream.source, None)
        if batch is None:
            stream.ended = True
            return False
        stream.bytes += sum(t.nelement() * t.element_size() for _, t in named_outputs(batch))
        moved = not torch.equal(before, torch.get_rng_state())
        if moved or stream.bytes > self._most_bytes or not _can_be_copied(batch):
            torch.set_rng_state(before)
            stream.source = None
            return False
        stream.kept.append(batch)
        stream.is_open = True
        return True


def _can_be_copied(part: Any) -> bool:
    """Whether a batch is of tensors, numbers and texts alone, in Python's own containers."""
    if type(part) in (tuple, list):
        return all(map(_can_be_copied, part))
    if type(part) is dict:
        return all(map(_can_be_copied, part.values()))
    return type(part) in (Tensor, int, float, bool, str, type(None))
