"""A run's folder: what it was asked, what it decided, and every network it kept.

The commit point of an iteration is its row in `trajectory.csv`; a checkpoint or a candidate beyond
the last row belongs to an iteration that was interrupted. One process at a time may write a run. A
run whose newest networks are damaged goes on from the newest one that is whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from netadapt.errors import RunError
from netadapt.files import clear_half_written_of, holds_others
from netadapt.journal import CsvJournal
from netadapt.locks import LOCK, take_lock
from netadapt.networks.store import (
    FINAL_NAME,
    TRAJECTORY_NAME,
    WEIGHTS_NAME,
    load_weights,
)
from netadapt.pruning.checkpoints import damage_of, set_aside, write_checkpoint
from netadapt.pruning.records import MEASURED, CandidateRecord, StepRecord, Tried, read_records
from netadapt.pruning.run_json import (
    RUN_JSON,
    RunAbout,
    lower_budget,
    require_same,
    write_run_json,
)
from netadapt.pruning.stages import FAILED
from netadapt.pruning.step import Step
from netadapt.remarks import remark

CANDIDATES = "candidates.csv"
IMAGE_SCORES = "image_scores.csv"
"""The accuracy of each candidate on each image that it was judged on: what the choices rest on."""

_SCORE_KEY = ("iteration", "stage", "widths")


class RunFolder:
    """Open `path` for a run that is asked `about`, which must stay the same when it is resumed.

    It may go on to a lower budget, which run.json then says. `metrics` are the task's, `more` the
    columns that several budgets add, and a `verified` run has MEASURED. The newest networks, where
    they are damaged, are set aside with a remark, and their iterations made again. Raises RunError
    when the folder exists and `resume` is false, when another process writes it, or when it was
    asked something else.
    """

    def __init__(
        self,
        path: Path | str,
        about: RunAbout,
        metrics: Sequence[str],
        more: Sequence[str] = (),
        *,
        verified: bool = False,
        resume: bool = False,
    ) -> None:
        self.path = Path(path)
        _require_folder(self.path)
        _require_ours(self.path, about, resume=resume)
        self._lock = take_lock(
            self.path / LOCK,
            lambda holder: RunError(
                f"{self.path} is being written by another process ({holder}); wait for it, or "
                f"choose another folder with --out"
            ),
        )
        self._before: RunAbout | None = None
        """With a higher budget than run.json now says, until something was cut for the lower."""
        try:
            _require_ours(self.path, about, resume=resume)  # who held it may have begun a run
            if not (self.path / RUN_JSON).exists():
                write_run_json(self.path, about)
            for name in (RUN_JSON, TRAJECTORY_NAME, CANDIDATES, IMAGE_SCORES):
                clear_half_written_of(self.path / name)
            begun = RunAbout.read(self.path)
            lowered = dict(begun.budget) != dict(about.budget)
            if lowered:
                require_same(self.path, begun, about)  # another process may have lowered it
                require_no_final(self.path)
                lower_budget(self.path, about)
                self._before = begun
            steps = StepRecord.columns(metrics, (*more, MEASURED) if verified else more)
            candidates = CandidateRecord.columns(metrics, more)
            self._trajectory = CsvJournal(self.path / TRAJECTORY_NAME, steps)
            self._candidates = CsvJournal(self.path / CANDIDATES, candidates)
            self._image_scores = CsvJournal(self.path / IMAGE_SCORES, (*_SCORE_KEY, "scores"))
            self._steps = read_steps(self.path)
            for number, step in enumerate(self._steps):
                if step.iteration != number:
                    raise RunError(
                        f"{self.path / TRAJECTORY_NAME}, row {number + 1}: iteration is "
                        f"{step.iteration}, expected {number}; the file is damaged, start another "
                        f"run with --out"
                    )
            read_candidates(self.path)  # raises where one is damaged, before anything is changed
            read_image_scores(self.path)
            self._has_lost = self._set_damaged_aside(candidates_too=lowered)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let another process write the run."""
        self._lock.release()

    def discard(self) -> None:
        """Take a run away in which no iteration is: what is wrong with it is said, not kept."""
        if self._steps or self._has_lost:
            return
        for name in (RUN_JSON, TRAJECTORY_NAME, CANDIDATES, IMAGE_SCORES, LOCK):
            (self.path / name).unlink(missing_ok=True)
        with suppress(OSError):  # what else a user keeps there stays
            self.path.rmdir()

    def take_back_budget(self) -> None:
        """Let the run have the budget that it had, where nothing was cut for a lower one."""
        if self._before is not None:
            lower_budget(self.path, self._before)
            self._before = None

    def where_it_stands(self, iteration: int) -> str:
        """The end of an error that says where the network of `iteration` lies."""
        return f"; the smallest reached is in {self.checkpoint(iteration)}"

    @property
    def to_go_on(self) -> str:
        """What to do when the search has ended."""
        return f"go on with netadapt.search(…, out='{self.path}', resume=True)"

    @property
    def steps(self) -> Sequence[StepRecord]:
        """The iterations that are on disk."""
        return tuple(self._steps)

    def candidates(self, iteration: int) -> list[Tried]:
        """The proposals that were tried in `iteration`."""
        scores = _scores_of(self._image_scores.unsettled_rows(), self._image_scores.path)
        return [
            Tried(record, scores.get(_score_key(record), ()))
            for record in self._unsettled_candidates()
            if record.iteration == iteration
        ]

    def _unsettled_candidates(self) -> list[CandidateRecord]:
        """The proposals that have been written since the last commit; after a start, all."""
        journal = self._candidates
        return read_records(CandidateRecord, journal.unsettled_rows(), str(journal.path))

    def checkpoint(self, iteration: int) -> Path:
        """Where the network of `iteration` is kept."""
        return self.path / f"iter_{iteration:03d}"

    def load_weights(self, record: StepRecord, model: nn.Module) -> None:
        """Give `model`, which has the widths of `record`, the weights that were kept."""
        load_weights(model, self.path / record.checkpoint / WEIGHTS_NAME)

    def try_out(self, tried: Tried) -> None:
        """Keep what a proposal came to."""
        record, scores = tried
        if scores:
            row = dict(zip(_SCORE_KEY, _score_key(record), strict=True))
            self._image_scores.append({**row, "scores": " ".join(map(repr, scores))})
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
        write_checkpoint(self.path / record.checkpoint, step.model, config)
        candidates = self._unsettled_candidates()
        others = [one for one in candidates if one.iteration != record.iteration]
        tried = [one for one in candidates if one.iteration == record.iteration]
        tried.sort(key=place)
        marked = _marked([*others, *tried], record)
        self._candidates.replace_unsettled(one.to_row() for one in marked)
        if all(one.iteration < record.iteration for one in others):  # none is made again
            self._candidates.settle()
        if tried:
            self._order_image_scores(tried)
        self._trajectory.append(record.to_row())
        self._steps.append(record)
        self._before = None

    def _set_damaged_aside(self, *, candidates_too: bool) -> bool:
        """Let the run stand at its newest iteration whose network is whole; whether others were
        newer.

        What their candidates came to is known still, so an iteration that is made again trains the
        chosen one alone; not where the budget, and with it the choice, is another.
        """
        steps, faults = list(self._steps), []
        while steps and (fault := damage_of(self.path / steps[-1].checkpoint)):
            lost = self.path / steps.pop().checkpoint
            aside = set_aside(lost)
            kept = "" if aside is None else f", kept as {aside.name}"
            faults.append(f"{lost} is damaged ({fault}{kept})")
        if not faults:
            return False
        self._trajectory.replace(self._trajectory.rows()[: len(steps)])
        self._steps = steps
        if candidates_too:
            for journal in (self._candidates, self._image_scores):
                rows = journal.rows()
                journal.replace(row for row in rows if int(row["iteration"]) < len(steps))
        where = f"goes on from iteration {steps[-1].iteration}" if steps else "begins again"
        remark(f"{'; '.join(reversed(faults))}: the run {where}")
        return True

    def _order_image_scores(self, tried: Sequence[CandidateRecord]) -> None:
        """Bring the iteration's rows to the order of `tried`, one for each; a run that was stopped
        between its two files has written one again."""
        iteration, rows = tried[0].iteration, self._image_scores.unsettled_rows()
        own = {_key_of_row(row): row for row in rows if row["iteration"] == str(iteration)}
        others = [row for row in rows if row["iteration"] != str(iteration)]
        wanted = [own[key] for key in map(_score_key, tried) if key in own]
        if [*others, *wanted] != rows:
            self._image_scores.replace_unsettled([*others, *wanted])
        if all(int(row["iteration"]) < iteration for row in others):  # none is made again
            self._image_scores.settle()


def _key_of_row(row: Mapping[str, str]) -> tuple[str, str, str]:
    return row["iteration"], row["stage"], row["widths"]


def _require_folder(path: Path) -> None:
    if path.exists() and not path.is_dir():
        raise RunError(f"{path} is no folder; choose another one for the run with --out")
    for name in (TRAJECTORY_NAME, CANDIDATES, IMAGE_SCORES):
        if (path / name).is_dir():
            raise RunError(
                f"{path / name} is a folder; expected a file of the run; move it away, or choose "
                f"another folder with --out"
            )


def _require_ours(path: Path, about: RunAbout, *, resume: bool) -> None:
    """Raise RunError where `path` holds a run that isn't to be continued so, or others' files."""
    if (path / RUN_JSON).exists():
        if not resume:
            raise RunError(
                f"{path} exists already; add --resume to continue it (in Python resume=True), or "
                f"choose another folder with --out"
            )
        require_same(path, RunAbout.read(path), about)
    elif holds_others(path, RUN_JSON):
        raise RunError(
            f"{path} exists and is not a run's folder (it has no {RUN_JSON}); choose another "
            f"folder with --out"
        )


def require_no_final(path: Path) -> None:
    """Raise RunError where the run's network would still be the one of the budget before."""
    final = path / FINAL_NAME
    if final.exists():
        raise RunError(
            f"{final} was fine-tuned for the budget before, and would be taken for what the run "
            f"goes on to; move it out of {path} first"
        )


def read_steps(run: Path | str) -> list[StepRecord]:
    """The iterations of a run's folder. Raises RunError where there is no trajectory.csv."""
    file = Path(run) / TRAJECTORY_NAME
    if not file.is_file():
        raise RunError(f"{run} is not a run's folder: it has no {TRAJECTORY_NAME}")
    steps = read_records(StepRecord, CsvJournal.read(file), str(file))
    for number, step in enumerate(steps, start=1):
        name = step.checkpoint
        if Path(name).name != name or name in ("", "..") or "\0" in name:
            raise RunError(
                f"{file}, row {number}: checkpoint is '{name}', expected a folder's name, as "
                f"iter_001; the file is damaged, start another run with --out"
            )
    return steps


def read_candidates(run: Path | str) -> list[CandidateRecord]:
    """The proposals that a run's folder holds; none without a candidates.csv."""
    file = Path(run) / CANDIDATES
    if not file.is_file():
        return []
    return read_records(CandidateRecord, CsvJournal.read(file), str(file))


def read_image_scores(run: Path | str) -> dict[tuple[str, str, str], tuple[float, ...]]:
    """The scores of a run's candidates, by iteration, stage and widths; none without the file.

    Raises RunError for a file that is damaged.
    """
    file = Path(run) / IMAGE_SCORES
    if not file.is_file():
        return {}
    return _scores_of(CsvJournal.read(file), file)


def _scores_of(
    rows: Iterable[Mapping[str, str]], file: Path
) -> dict[tuple[str, str, str], tuple[float, ...]]:
    try:
        return {
            (str(int(row["iteration"])), row["stage"], row["widths"]): tuple(
                map(float, row["scores"].split())
            )
            for row in rows
        }
    except (KeyError, ValueError, AttributeError) as error:
        raise RunError(f"{file} is damaged ({error}); start another run with --out") from error


def _score_key(record: CandidateRecord) -> tuple[str, str, str]:
    return str(record.iteration), record.stage, str(record.to_row()["widths"])


def _marked(candidates: list[CandidateRecord], step: StepRecord) -> list[CandidateRecord]:
    """With the one that `step` kept: of several stages of one network the last."""
    own = [at for at, candidate in enumerate(candidates) if candidate.iteration == step.iteration]
    judged = [at for at in own if candidates[at].stage != FAILED]
    kept = [at for at in judged if dict(candidates[at].widths) == dict(step.widths)]
    marked = list(candidates)
    for at in own:
        marked[at] = replace(candidates[at], chosen=at in kept[-1:])
    return marked
