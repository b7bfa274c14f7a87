"""Tasks that fail or wait in the processes that try candidates; importable there, as tiny is."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import tiny
from torch import Tensor, nn

from netadapt.training.classification import ClassificationTask


class TroubledTask(ClassificationTask):
    """The tiny network's, with trouble when a network of fewer filters is evaluated.

    `group` is what must be cut for that: 'first', 'inner' or '' for any.
    """

    def __init__(self, group: str = "") -> None:
        whole = tiny.task()
        super().__init__(whole.train, whole.holdout)
        self.group = group
        self.parent = os.getpid()

    def evaluate_images(self, model: nn.Module, images: range) -> dict[str, Tensor]:
        groups = (self.group,) if self.group else ("first", "inner")
        cut = any(model.get_submodule(name)[0].out_channels < 24 for name in groups)
        if cut:
            self.trouble()
        return super().evaluate_images(model, images)

    def trouble(self) -> None:
        """What happens."""


class Hungry(TroubledTask):
    """Wants more memory than there is."""

    def trouble(self) -> None:
        raise MemoryError


class Deadly(TroubledTask):
    """Kills its process, the first `times`, unless that is the one that made the task."""

    def __init__(self, marks: Path, times: int, group: str = "") -> None:
        super().__init__(group)
        self.marks, self.times = marks, times

    def trouble(self) -> None:
        if os.getpid() != self.parent and len(list(self.marks.iterdir())) < self.times:
            (self.marks / str(time.monotonic_ns())).touch()
            os.kill(os.getpid(), signal.SIGKILL)


class Waiting(TroubledTask):
    """Says in the folder $NETADAPT_TEST_MARKS that it is here, and stays."""

    def trouble(self) -> None:
        (Path(os.environ["NETADAPT_TEST_MARKS"]) / str(os.getpid())).touch()
        time.sleep(600)


class WaitingOnNode(TroubledTask):
    """Says that it is here, and stays, on one node of a Ray cluster; on others it goes on."""

    def __init__(self, marks: Path, node: str) -> None:
        super().__init__()
        self.marks, self.node = marks, node

    def trouble(self) -> None:
        import ray

        if os.getpid() != self.parent and ray.get_runtime_context().get_node_id() == self.node:
            (self.marks / str(os.getpid())).touch()
            time.sleep(600)


def waiting() -> Waiting:
    return Waiting()
