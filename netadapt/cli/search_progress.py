"""The progress of a search on the terminal: what is possible, a bar, a line for each iteration."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import BarColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from netadapt.cli.bar import Bar
from netadapt.cli.console import messages, say
from netadapt.large_numbers import in_three_digits
from netadapt.pruning.callbacks import Callback
from netadapt.pruning.time_left import TimeLeft

if TYPE_CHECKING:
    from netadapt.pruning.constraints.base import Constraint
    from netadapt.pruning.feasibility import Reach
    from netadapt.pruning.proposals import Proposal
    from netadapt.pruning.step import Step


@contextmanager
def search_progress(quiet: bool) -> Iterator[SearchProgress]:
    """What a search is to call back while the block runs."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[left]}"),
        TimeElapsedColumn(),
    )
    with Bar(*columns, quiet=quiet) as bar:
        yield SearchProgress(bar, quiet)


class SearchProgress(Callback):
    """Shows a search on the terminal: what it is doing and how long is left."""

    def __init__(self, bar: Bar, quiet: bool) -> None:
        self._bar = bar
        self._quiet = quiet
        self._line: TaskID | None = None
        self._left = TimeLeft()
        self._iteration = ""
        self._unit = "ms"
        self.layers_measured = 0

    def rendering(self, done: int, total: int) -> None:
        """Rooms are being rendered."""
        self._show("rendering rooms", done, total, "")
        if done == total:
            self._close()

    def table(self, description: str) -> None:
        say(description, quiet=self._quiet)

    def feasible(self, reaches: list[Reach], iterations: int) -> None:
        first = reaches[0]
        unit = self._unit = first.unit
        table = Table(
            "widths", f"predicted {unit}", "90 % interval", "MACs", "parameters", box=None
        )
        for reach in reaches:
            table.add_row(
                reach.name,
                f"{reach.cost.value:.3g}",
                f"{reach.cost.low:.3g} to {reach.cost.high:.3g}",
                in_three_digits(reach.macs),
                in_three_digits(reach.params),
            )
        if not self._quiet:
            messages.print(table)
        budget = f"the budget of {first.budget:g} {unit} on {first.constraint}"
        if iterations:
            say(f"{budget} needs some {iterations} iterations", quiet=self._quiet)
        else:
            say(f"the network meets {budget} as it is", quiet=self._quiet)

    def measured(self, layer: str, latency_ms: float, done: int, most: int) -> None:
        self.layers_measured += 1
        self._show(f"measured {layer}: {latency_ms:.3g} ms", done, most, "")

    def note(self, text: str) -> None:
        say(text, quiet=self._quiet)

    def binding(self, constraint: Constraint) -> None:
        self._unit = f"{constraint.unit} on {constraint.name}"

    def iteration(self, iteration: int, cost: float, target: float, left: int) -> None:
        self._iteration = f"iteration {iteration}: {cost:.3g} → {target:.3g} {self._unit}"
        self._left.iteration(left)

    def candidate(self, proposal: Proposal, index: int, count: int) -> None:
        what = f"trying {proposal}"
        left = self._left.candidate(index, count)
        self._show(f"{self._iteration}, {what}", index, count, left)

    def chosen(self, step: Step) -> None:
        record = step.record
        latency = "" if record.latency is None else f"{record.latency.value:6.3f} ms  "
        if record.latencies:
            each = (f"{device} {ms.value:.3f} ms" for device, ms in record.latencies.items())
            latency = "  ".join(each) + "  "
        say(
            f"{record.iteration:>3}  {record.group:<16} {record.width_before:>4} → "
            f"{record.width_after:<4} {latency}"
            + "  ".join(f"{name} {value:.3f}" for name, value in record.metrics.items()),
            quiet=self._quiet,
        )

    def _show(self, what: str, done: int, total: int, left: str) -> None:
        if self._line is None:
            self._line = self._bar.add_task(what, total=total, left=left)
        self._bar.update(self._line, description=what, completed=done, total=total, left=left)

    def _close(self) -> None:
        if self._line is not None:
            self._bar.remove_task(self._line)
            self._line = None
