"""One self-contained HTML page about pruning runs: what they came to, how, from what, what next.

Everything is read from the runs' folders as they are on disk; a folder that holds only the CSVs (an
experiment's) gives a page without what run.json says. What can't be had, such as the milliseconds
of layers whose table is gone, is left out with a line that says why.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from netadapt.errors import NetadaptError
from netadapt.pruning.records import CandidateRecord, Interval
from netadapt.report.column_words import column_words
from netadapt.report.flat_settings import flat_settings
from netadapt.report.run_charts import accuracy_chart
from netadapt.report.run_commands import Command, following, reproducing
from netadapt.report.run_layers import (
    DeviceTimes,
    Frozen,
    frozen_groups,
    graph_of,
    layer_times,
    measured_on_demand,
)
from netadapt.report.run_on_disk import RunOnDisk
from netadapt.report.run_samples import draw_run_samples
from netadapt.report.templating import write_html
from netadapt.report.width_map import WidthMap, width_map

TEMPLATE = "run_page.html.jinja"

MOST_PROPOSALS = 5_000
"""On a page. Of a run that tried more, each iteration shows its best; candidates.csv has all."""

Found = TypeVar("Found")


@dataclass(frozen=True)
class Saving:
    """One of a network's costs at the start and at the end; `saved` in percent of the start."""

    name: str
    before: str
    after: str
    saved: float


@dataclass
class RunDetails:
    """What the page says of one run below its line; `notes` tells what is left out, and why."""

    map: WidthMap
    savings: Sequence[Saving]
    settings: Sequence[tuple[str, str]]
    proposals: Mapping[int, Sequence[CandidateRecord]]
    """By iteration, the best score first; empty without a candidates.csv."""
    widths: Sequence[tuple[str, int, int]]
    """Of each channel group: its name, and its width at the start and at the end."""
    next: Sequence[Command]
    notes: list[str] = field(default_factory=list)
    again: Command | None = None
    on_demand: Sequence[str] = ()
    times: Sequence[DeviceTimes] = ()
    frozen: Sequence[Frozen] = ()
    samples: Sequence[tuple[str, str]] = ()
    """A title each, and a PNG in base64."""


def write_page(
    runs: Sequence[Path],
    path: Path,
    metric_words: Mapping[str, str] | None = None,
) -> None:
    """Write the page of `runs` as HTML; `metric_words` says what the metrics mean.

    Raises RunError for a folder that is no run's.
    """
    found = [RunOnDisk.read(run) for run in runs]
    metrics = dict.fromkeys(name for run in found for name in run.first.metrics)
    write_html(
        path,
        TEMPLATE,
        runs=[(run, _details(run)) for run in found],
        metrics=list(metrics),
        chart=accuracy_chart(found).laid_out(),
        columns=column_words(metrics, metric_words),
    )


def _details(run: RunOnDisk) -> RunDetails:
    proposals: dict[int, list[CandidateRecord]] = {}
    for candidate in run.candidates:
        proposals.setdefault(candidate.iteration, []).append(candidate)
    shown = max(MOST_PROPOSALS // max(len(proposals), 1), 1)
    last = run.last.widths
    details = RunDetails(
        map=width_map(run.steps),
        savings=_savings(run),
        settings=flat_settings(run.content),
        proposals={i: _best(those, shown) for i, those in proposals.items()},
        widths=[(name, width, last[name]) for name, width in run.first.widths.items()],
        next=following(run),
    )
    if len(run.candidates) > MOST_PROPOSALS:
        details.notes.append(
            f"Of each iteration's proposals the best {shown} are shown; candidates.csv has all "
            f"{len(run.candidates):,}."
        )
    if run.content:
        _look_further(run, details)
    else:
        details.notes.append(
            "This folder has no run.json, so the budget, the command and each layer's "
            "milliseconds aren't known."
        )
    return details


def _look_further(run: RunOnDisk, details: RunDetails) -> None:
    """Fill in what takes more than the folder: the network, the device's table, the data."""
    notes = details.notes
    details.again = _had(lambda: reproducing(run), "The command that makes the run again", notes)
    details.on_demand = _had(lambda: list(measured_on_demand(run)), "Rows measured", notes) or ()
    graph = _had(lambda: graph_of(run), "Groups that keep their width", notes)
    if graph is not None:
        details.frozen = frozen_groups(graph)
        times = _had(lambda: list(layer_times(run, graph)), "Each layer's milliseconds", notes)
        details.times = times or ()
    drawn = _had(lambda: draw_run_samples(run), "Sample images", notes) or ()
    details.samples = [
        (sample.title, base64.b64encode(sample.png).decode("ascii")) for sample in drawn
    ]


def _had(look: Callable[[], Found], what: str, notes: list[str]) -> Found | None:
    """What `look` gives; None, with a note, where it can't be had here."""
    try:
        return look()
    except NetadaptError as error:
        notes.append(f"{what} can't be shown here: {error}.")
        return None


def _savings(run: RunOnDisk) -> list[Saving]:
    """How much less the last network costs than the one given."""
    first, last = run.first, run.last
    rows: list[tuple[str, float, float, str]] = []
    devices: Mapping[str, Interval | None] = first.latencies or {"latency": first.latency}
    for device, before in devices.items():
        after = last.latencies.get(device, last.latency)
        if before is not None and after is not None:
            rows.append((device, before.value, after.value, "{:.2f} ms"))
    rows += [
        ("MACs", first.macs / 1e6, last.macs / 1e6, "{:.1f} M"),
        ("weights", first.params / 1e6, last.params / 1e6, "{:.2f} M"),
    ]
    return [
        Saving(name, form.format(before), form.format(after), 100 * (1 - after / before))
        for name, before, after, form in rows
        if before > 0
    ]


def _best(candidates: Sequence[CandidateRecord], most: int) -> list[CandidateRecord]:
    """The best of an iteration's proposals, the chosen one among them whatever its score."""
    ranked = sorted(candidates, key=_by_score)
    return ranked[:most] + [one for one in ranked[most:] if one.chosen]


def _by_score(candidate: CandidateRecord) -> float:
    return math.inf if candidate.score is None else candidate.score
