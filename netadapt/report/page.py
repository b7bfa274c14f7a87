"""One self-contained HTML page about pruning runs: what they came to, how, and from what.

Everything is read from the runs' folders as they are on disk; a folder that holds only the CSVs (an
experiment's) gives a page without the settings. The page has its pictures within and loads nothing.
"""

from __future__ import annotations

import base64
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netadapt.extras import needed
from netadapt.files import write_text
from netadapt.pruning.constraints.confidence import upper_end
from netadapt.pruning.constraints.registry import label_of
from netadapt.pruning.records import CandidateRecord, StepRecord
from netadapt.pruning.run_folder import read_candidates
from netadapt.pruning.run_json import RUN_JSON, read_run_json
from netadapt.pruning.verifying import correction
from netadapt.report.trajectory_plot import draw_trajectories, read_some_steps

TEMPLATE = "page.html.jinja"


@dataclass(frozen=True)
class Budget:
    """The most there may be of what `name` counts, and what the last network needs of it.

    `need` is None where the rows don't tell; of a run with a confidence it is the upper end, of
    a verified one corrected by what was timed.
    """

    name: str
    most: float
    need: float | None

    @property
    def met(self) -> bool | None:
        """Whether it is within; None where that isn't known."""
        return None if self.need is None else self.need <= self.most


@dataclass(frozen=True)
class RunSummary:
    """A run in a line: where it began, where it stands, and its metrics.

    `metrics` maps each to its value at the start and at the end; `source` says where the figures of
    its budgets come from. A folder without run.json has no `budgets`.
    """

    name: str
    source: str
    budgets: Sequence[Budget]
    first: StepRecord
    last: StepRecord
    metrics: Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class RunDetails:
    """What the page says of one run below its line."""

    settings: Sequence[tuple[str, str]]
    iterations: Sequence[StepRecord]
    proposals: Mapping[int, Sequence[CandidateRecord]]
    """By iteration, the best score first; empty without a candidates.csv."""
    widths: Sequence[tuple[str, int, int]]
    """Of each channel group: its name, and its width at the start and at the end."""


def write_page(runs: Sequence[Path], path: Path) -> None:
    """Write the page of `runs` as HTML. Raises RunError for a folder that is no run's."""
    jinja2 = needed("jinja2", "report")
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("netadapt.report", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    picture = io.BytesIO()
    draw_trajectories(runs, picture)
    page = environment.get_template(TEMPLATE).render(
        runs=[_described(run) for run in runs],
        picture=base64.b64encode(picture.getvalue()).decode("ascii"),
    )
    write_text(path, page)


def _described(run: Path) -> tuple[RunSummary, RunDetails]:
    steps, content = read_some_steps(run), _run_json(run)
    return _summary(run, steps, content), _details(run, steps, content)


def _summary(run: Path, steps: Sequence[StepRecord], content: Mapping[str, Any]) -> RunSummary:
    first, last = steps[0], steps[-1]
    return RunSummary(
        name=run.resolve().name,
        source=str(content.get("source", "")),
        budgets=_budgets(content, steps),
        first=first,
        last=last,
        metrics={metric: (first.metrics[metric], last.metrics[metric]) for metric in first.metrics},
    )


def _budgets(content: Mapping[str, Any], steps: Sequence[StepRecord]) -> list[Budget]:
    """What run.json asks, beside what the last network needs of it."""
    asked, last = content.get("budget"), steps[-1]
    if not isinstance(asked, Mapping):
        return []
    latencies = dict(last.latencies)
    if last.latency is not None and len(asked) == 1:
        latencies = {label_of(name): last.latency for name in asked}
    confidence = content.get("settings", {}).get("confidence")
    needs: dict[str, float] = {"macs": last.macs, "params": last.params}
    for device, latency in latencies.items():
        needs[device] = latency.value if confidence is None else upper_end(latency, confidence)
    if first := next(iter(latencies), ""):
        needs[first] *= correction(steps)
    return [Budget(name, float(most), needs.get(label_of(name))) for name, most in asked.items()]


def _details(run: Path, steps: Sequence[StepRecord], content: Mapping[str, Any]) -> RunDetails:
    first, last = steps[0].widths, steps[-1].widths
    proposals: dict[int, list[CandidateRecord]] = {}
    for candidate in read_candidates(run):
        proposals.setdefault(candidate.iteration, []).append(candidate)
    return RunDetails(
        settings=_settings(content),
        iterations=steps,
        proposals={i: sorted(those, key=_by_score) for i, those in proposals.items()},
        widths=[(name, width, last[name]) for name, width in first.items()],
    )


def _by_score(candidate: CandidateRecord) -> float:
    return math.inf if candidate.score is None else candidate.score


def _settings(content: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Every value of a run.json with its path in it, as text."""

    def flat(value: Any, path: str) -> list[tuple[str, str]]:
        if isinstance(value, Mapping):
            below = (flat(inner, f"{path}.{key}" if path else key) for key, inner in value.items())
            return [pair for pairs in below for pair in pairs]
        return [(path, value if isinstance(value, str) else json.dumps(value))]

    return [pair for key, value in content.items() for pair in flat(value, key)]


def _run_json(run: Path) -> dict[str, Any]:
    """A run's run.json; empty for a folder that holds only what a run decided."""
    return read_run_json(run) if (run / RUN_JSON).is_file() else {}
