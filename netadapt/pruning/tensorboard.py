"""A search in TensorBoard: a scalar a column of its trajectory, a step an iteration."""

from __future__ import annotations

from pathlib import Path

from netadapt.networks.store import TRAJECTORY_NAME
from netadapt.pruning.callbacks import Callback
from netadapt.pruning.step import Step
from netadapt.training.event_log import EventLog


class TensorBoard(Callback):
    """Writes `out`/tensorboard as a search goes on; `out` is the run's folder.

    Raises MissingExtraError when tensorboard isn't installed.

        netadapt.search(…, out="runs/mine", callbacks=[TensorBoard("runs/mine")])
    """

    def __init__(self, out: Path | str) -> None:
        self._log = EventLog(out, TRAJECTORY_NAME, "iteration")

    def chosen(self, step: Step) -> None:
        self._log(step.record.to_row())
