"""A run's folder: what it was asked, what it decided, and every network it kept.

The commit point of an iteration is its row in `trajectory.csv`; a checkpoint or a candidate beyond
the last row belongs to an iteration that was interrupted. One process at a time may write a run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from netadapt.errors import RunError
from netadapt.journal import CsvJournal
from netadapt.locks import take_lock
from netadapt.networks.store import TRAJECTORY_NAME, WEIGHTS_NAME, load_weights, save_model
from netadapt.pruning.records import CandidateRecord, StepRecord, read_records
from netadapt.pruning.run_json import RUN_JSON, RunAbout, require_same, write_run_json
from netadapt.pruning.stages import FAILED
from netadapt.pruning.step import Step

CANDIDATES = "candidates.csv"
LOCK = ".lock"


class RunFolder:
    """Open `path` for a run that is asked `about`, which must stay the same when it is resumed.

    Raises RunError when the folder exists and `resume` is false, when another process writes it, or
    when it was asked something else.
    """

    def __init__(
        self,
        path: Path | str,
        about: RunAbout,
        metrics: Sequence[str],
        *,
        resume: bool = False,
    ) -> None:
        self.path = Path(path)
        _require_folder(self.path)
        if (self.path / RUN_JSON).exists():
            if not resume:
                raise RunError(
                    f"{self.path} exists already; add --resume to continue it, or choose another "
                    f"folder with --out"
                )
            require_same(self.path, RunAbout.read(self.path), about)
        else:
            if self.path.exists() and any(self.path.iterdir()):
                raise RunError(
                    f"{self.path} exists and is not a run's folder (it has no {RUN_JSON}); choose "
                    f"another folder with --out"
                )
            write_run_json(self.path, about)
        self._lock = take_lock(
            self.path / LOCK,
            lambda holder: RunError(
                f"{self.path} is being written by another process ({holder}); wait for it, or "
                f"choose another folder with --out"
            ),
        )
        try:
            self._trajectory = CsvJournal(self.path / TRAJECTORY_NAME, StepRecord.columns(metrics))
            self._candidates = CsvJournal(self.path / CANDIDATES, CandidateRecord.columns(metrics))
            self._steps = read_steps(self.path)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let another process write the run."""
        self._lock.release()

    def discard(self) -> None:
        """Take a run away in which no iteration is: what is wrong with it is said, not kept."""
        if self._steps:
            return
        for name in (RUN_JSON, TRAJECTORY_NAME, CANDIDATES, LOCK):
            (self.path / name).unlink(missing_ok=True)
        with suppress(OSError):  # what else a user keeps there stays
            self.path.rmdir()

    @property
    def steps(self) -> Sequence[StepRecord]:
        """The iterations that are on disk."""
        return tuple(self._steps)

    def candidates(self, iteration: int) -> list[CandidateRecord]:
        """The proposals that were tried in `iteration`."""
        return [r for r in read_candidates(self.path) if r.iteration == iteration]

    def checkpoint(self, iteration: int) -> Path:
        """Where the network of `iteration` is kept."""
        return self.path / f"iter_{iteration:03d}"

    def load_weights(self, record: StepRecord, model: nn.Module) -> None:
        """Give `model`, which has the widths of `record`, the weights that were kept."""
        load_weights(model, self.path / record.checkpoint / WEIGHTS_NAME)

    def try_out(self, record: CandidateRecord) -> None:
        """Keep what a proposal came to."""
        self._candidates.append(record.to_row())

    def commit(
        self,
        step: Step,
        config: Mapping[str, Any],
        place: Callable[[CandidateRecord], float] = lambda record: 0,
    ) -> None:
        """Keep the network, mark the chosen candidate, then append the row: the commit point.

        `place` tells the order of the iteration's candidates: their rows came as they ended.
        """
        record = step.record
        save_model(self.path / record.checkpoint, step.model, dict(config))
        candidates = read_candidates(self.path)
        others = [one for one in candidates if one.iteration != record.iteration]
        tried = [one for one in candidates if one.iteration == record.iteration]
        self._candidates.replace(
            _marked(candidate, record).to_row()
            for candidate in (*others, *sorted(tried, key=place))
        )
        self._trajectory.append(record.to_row())
        self._steps.append(record)


def _require_folder(path: Path) -> None:
    if path.exists() and not path.is_dir():
        raise RunError(f"{path} is no folder; choose another one for the run with --out")
    for name in (TRAJECTORY_NAME, CANDIDATES):
        if (path / name).is_dir():
            raise RunError(
                f"{path / name} is a folder; expected a file of the run; move it away, or choose "
                f"another folder with --out"
            )


def read_steps(run: Path | str) -> list[StepRecord]:
    """The iterations of a run's folder. Raises RunError where there is no trajectory.csv."""
    file = Path(run) / TRAJECTORY_NAME
    if not file.is_file():
        raise RunError(f"{run} is not a run's folder: it has no {TRAJECTORY_NAME}")
    return read_records(StepRecord, CsvJournal.read(file), str(file))


def read_candidates(run: Path | str) -> list[CandidateRecord]:
    """The proposals that a run's folder holds; none without a candidates.csv."""
    file = Path(run) / CANDIDATES
    if not file.is_file():
        return []
    return read_records(CandidateRecord, CsvJournal.read(file), str(file))


def _marked(candidate: CandidateRecord, step: StepRecord) -> CandidateRecord:
    if candidate.iteration != step.iteration:
        return candidate
    chosen = candidate.stage != FAILED and dict(candidate.widths) == dict(step.widths)
    return replace(candidate, chosen=chosen)
