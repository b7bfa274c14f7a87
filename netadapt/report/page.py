"""One self-contained HTML page about pruning runs: what they came to, how, and from what.

Everything is read from the runs' folders as they are on disk; a folder that holds only the CSVs (an
experiment's) gives a page without the settings. The page has its pictures within and loads nothing.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from netadapt.errors import RunError
from netadapt.files import write_text
from netadapt.pruning.records import metric_columns
from netadapt.report.trajectory_plot import draw_trajectories, read_trajectory, widths_by_group

TEMPLATE = "page.html.jinja"


@dataclass(frozen=True)
class RunSummary:
    """A run in a line: its latencies in milliseconds with their 90 % intervals, and its metrics.

    `metrics` maps each to its value at the start and at the end; `table` says where the
    milliseconds come from. A folder without run.json has no `budget_ms`, and no device or table.
    """

    name: str
    device: str
    table: str
    budget_ms: float | None
    first: pd.Series[Any]
    last: pd.Series[Any]
    metrics: Mapping[str, tuple[float, float]]

    @property
    def met(self) -> bool | None:
        """Whether the last latency is within the budget; None where that isn't known."""
        return None if self.budget_ms is None else bool(self.last.latency_ms <= self.budget_ms)


@dataclass(frozen=True)
class RunDetails:
    """What the page says of one run below its line."""

    settings: Sequence[tuple[str, str]]
    iterations: pd.DataFrame
    proposals: Mapping[int, pd.DataFrame]
    """By iteration, the best score first; empty without a candidates.csv."""
    widths: Sequence[tuple[str, int, int]]
    """Of each channel group: its name, and its width at the start and at the end."""


def write_page(runs: Sequence[Path], path: Path) -> None:
    """Write the page of `runs` as HTML. Raises RunError for a folder that is no run's."""
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
    trajectory, content = read_trajectory(run), _run_json(run)
    return _summary(run, trajectory, content), _details(run, trajectory, content)


def _summary(run: Path, trajectory: pd.DataFrame, content: Mapping[str, Any]) -> RunSummary:
    configuration = content.get("configuration", {})
    first, last = trajectory.iloc[0], trajectory.iloc[-1]
    budget = configuration.get("budget_ms")
    return RunSummary(
        name=run.resolve().name,
        device=str(configuration.get("device", "")),
        table=str(content.get("table", "")),
        budget_ms=None if budget is None else float(budget),
        first=first,
        last=last,
        metrics={
            metric: (float(first[metric]), float(last[metric]))
            for metric in metric_columns(trajectory.columns)
        },
    )


def _details(run: Path, trajectory: pd.DataFrame, content: Mapping[str, Any]) -> RunDetails:
    widths = widths_by_group(trajectory)
    return RunDetails(
        settings=_settings(content),
        iterations=trajectory,
        proposals=_proposals(run / "candidates.csv"),
        widths=[(str(name), int(of.iloc[0]), int(of.iloc[-1])) for name, of in widths.items()],
    )


def _proposals(path: Path) -> dict[int, pd.DataFrame]:
    if not path.is_file():
        return {}
    candidates = pd.read_csv(path)
    return {
        int(str(iteration)): rows.sort_values("score")
        for iteration, rows in candidates.groupby("iteration")
    }


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
    file = run / "run.json"
    if not file.is_file():
        return {}
    try:
        return dict(json.loads(file.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise RunError(f"{file} is damaged ({error}); remove it to report without") from None
