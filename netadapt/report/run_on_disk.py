"""A run's folder as a report reads it: what it decided, what it was asked, and what came after.

A folder that holds only the CSVs (an experiment's) is a run without settings.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from netadapt.errors import RunError
from netadapt.journal import CsvJournal
from netadapt.networks.store import FINAL_NAME, TRAJECTORY_NAME
from netadapt.pruning.records import CandidateRecord, StepRecord
from netadapt.pruning.run_folder import read_candidates, read_steps
from netadapt.pruning.run_json import RUN_JSON, read_run_json
from netadapt.report.budgets_met import BudgetMet, budgets_met
from netadapt.training.training_folder import HISTORY_FILE


@dataclass(frozen=True)
class Tuned:
    """The long fine-tune after a search: the best of `epochs` epochs so far, and its metrics.

    `epoch` is 0 where none was as good as the network that the search left.
    """

    epoch: int
    epochs: int
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class RunOnDisk:
    """What a run's folder says. `content` is run.json, {} where there is none."""

    path: Path
    steps: Sequence[StepRecord]
    content: Mapping[str, Any]
    tuned: Tuned | None

    @classmethod
    def read(cls, path: Path) -> RunOnDisk:
        """The run at `path`.

        Raises RunError for a folder that is no run's, has no row yet, or is damaged.
        """
        steps = read_some_steps(path)
        content = read_run_json(path) if (path / RUN_JSON).is_file() else {}
        if fault := _fault_in(content):
            raise RunError(f"{path / RUN_JSON} is damaged ({fault}); start a new run with --out")
        tuned = _tuned(path / FINAL_NAME, steps[-1])
        return cls(path, steps, content, tuned)

    @cached_property
    def candidates(self) -> Sequence[CandidateRecord]:
        """All proposals; read when they are asked for, which a picture doesn't.

        Raises RunError where a row is damaged.
        """
        return read_candidates(self.path)

    @property
    def name(self) -> str:
        """The folder's own name, also of '.'."""
        return self.path.resolve().name

    @property
    def first(self) -> StepRecord:
        """The network given."""
        return self.steps[0]

    @property
    def last(self) -> StepRecord:
        """Where the search stands."""
        return self.steps[-1]

    @property
    def source(self) -> str:
        """Where the figures of its budgets come from."""
        return str(self.content.get("source", ""))

    @property
    def budgets(self) -> list[BudgetMet]:
        """What it asks, beside what its last network needs; none without a run.json."""
        return budgets_met(self.content, self.steps)

    @property
    def metrics(self) -> Mapping[str, tuple[float, float]]:
        """Each metric at the start and at the end of the search."""
        after = self.last.metrics
        return {name: (before, after[name]) for name, before in self.first.metrics.items()}


def read_some_steps(run: Path | str) -> list[StepRecord]:
    """The iterations of a run's folder. Raises RunError where there is none, or no row yet."""
    steps = read_steps(run)
    if not steps:
        raise RunError(
            f"{Path(run) / TRAJECTORY_NAME} has no rows yet; continue the run with --resume"
        )
    for step in steps:
        if step.widths.keys() != steps[0].widths.keys() or not all(step.widths.values()):
            raise RunError(
                f"{Path(run) / TRAJECTORY_NAME}: iteration {step.iteration} has widths of other "
                f"channel groups than iteration 0, or none; the file is damaged, start another run "
                f"with --out"
            )
    return steps


def _fault_in(content: Mapping[str, Any]) -> str:
    """What is wrong with the parts of a run.json that a report computes with; '' if nothing."""
    for name in ("budget", "settings", "constraint", "opened"):
        if not isinstance(content.get(name, {}), Mapping):
            return f"{name} is {content[name]!r:.40}, expected an object"
    numbers = {f"budget.{name}": most for name, most in content.get("budget", {}).items()}
    numbers["settings.confidence"] = content.get("settings", {}).get("confidence") or 0.5
    for name, value in content.get("constraint", {}).items():
        if name.startswith("table_rows"):
            numbers[f"constraint.{name}"] = value
    for name, value in numbers.items():
        if not isinstance(value, int | float) or not 0 < value <= sys.float_info.max:
            return f"{name} is {value!r:.40}, expected a number above 0"
    confidence = numbers["settings.confidence"]
    return "" if confidence < 1 else f"settings.confidence is {confidence}, expected less than 1"


def _tuned(final: Path, last: StepRecord) -> Tuned | None:
    """What `netadapt finetune` has come to: of epochs that are as good as any the last one."""
    file = final / HISTORY_FILE
    if not file.is_file():
        return None
    kept, epoch, rows = dict(last.metrics), 0, CsvJournal.read(file)
    first = next(iter(kept))
    for row in rows:
        try:
            metrics = {name: float(row[name]) for name in kept}
            number = int(row["epoch"])
        except KeyError:
            return None  # tuned for another task: its metrics stand beside nothing here
        except ValueError as error:
            raise RunError(f"{file} is damaged ({error}); make it again with --resume") from error
        if metrics[first] >= kept[first]:
            kept, epoch = metrics, number
    return Tuned(epoch, len(rows), kept)
