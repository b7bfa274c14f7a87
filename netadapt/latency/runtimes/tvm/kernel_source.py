"""Which way kernels are made through TVM, as a table's `schedule` column names it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from netadapt.latency.runtimes.tvm.schedules import SCHEDULE


@dataclass(frozen=True)
class Board:
    """Where the trials of a search run, when not on this machine."""

    tracker: tuple[str, int]
    key: str
    cross_compiler: str


@dataclass(frozen=True)
class Making:
    """Without `trials` a CPU gets netadapt's own schedules, a GPU TVM's dlight rules.

    With them MetaSchedule searches that long for every layer and keeps what it finds in the folder
    `database`; the trials run on `board`, or on this machine where it is None.
    """

    trials: int = 0
    database: Path | None = None
    board: Board | None = None

    def own(self, kind: str) -> bool:
        """Whether kernels are netadapt's own; `kind` is the target's."""
        return self.trials == 0 and kind == "llvm"

    def schedule(self, kind: str) -> str:
        """The name of the way, for targets of `kind`."""
        if self.trials:
            return f"metaschedule-{self.trials}"
        return SCHEDULE if kind == "llvm" else "dlight"
