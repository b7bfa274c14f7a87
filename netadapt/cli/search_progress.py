"""The progress of a search on the terminal: what is possible, a bar, a line for each iteration."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.progress import BarColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from netadapt.cli.bar import Bar
from netadapt.cli.console import messages, say
from netadapt.large_numbers import in_three_digits
from netadapt.pruning.callbacks import Callback
from netadapt.pruning.time_left import TimeLeft, in_words

if TYPE_CHECKING:
    from netadapt.pruning.constraints.base import Constraint
    from netadapt.pruning.feasibility import Reach
    from netadapt.pruning.proposals import Proposal
    from netadapt.pruning.settings import SearchSettings
    from netadapt.pruning.step import Step


TRAINED = 3
"""An image that is trained on takes as long as so many that are evaluated."""


@dataclass(frozen=True)
class Work:
    """What is done, in images that are evaluated: with the network given, and for each proposal."""

    evaluated: int
    proposal: int

    @classmethod
    def of(cls, holdout: int, settings: SearchSettings) -> Work:
        """That of a search whose task holds out so many images."""
        short = settings.short_term
        judged = min(settings.proposal_images, holdout)
        return cls(holdout, judged + TRAINED * short.steps * short.batch_size)


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
    """Shows a search on the terminal: what it is doing, how far it is and how long is left.

    The bar is there from the start on: each call says what comes next. It fills by iterations, and
    within one by proposals.
    """

    def __init__(self, bar: Bar, quiet: bool) -> None:
        self._bar = bar
        self._quiet = quiet
        self._line: TaskID | None = None
        self._left = TimeLeft()
        self._work: Work | None = None
        self._second_each: float | None = None
        self._since = time.perf_counter()
        self._iteration = ""
        self._done = 0
        self._to_do = 1
        self._unit = "ms"
        self.layers_measured = 0

    def opening(self, what: str) -> None:
        """Network, data and task are opened."""
        self._show(f"opening {what}", 0, None, "")

    def rendering(self, done: int, total: int) -> None:
        """Rooms are being rendered."""
        if not done:
            self._since = time.perf_counter()
        took = time.perf_counter() - self._since
        left = in_words(took / done * (total - done)) if done else ""
        self._show(f"rendering rooms: {done} of {total}", done, total, left)
        if done == total:
            self.opening("the rooms")

    def expects(self, work: Work) -> None:
        """What a proposal is known to take, in images, before one was tried."""
        self._work = work
        self._show("tracing the network", 0, None, "")

    def table(self, description: str) -> None:
        say(description, quiet=self._quiet)
        self._show("fitting the table, and trying a step of training", 0, None, "")

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
        self._to_do = max(self._to_do, iterations)
        self._since = time.perf_counter()
        self._show("evaluating the network given", 0, self._to_do, "")

    def measured(self, layer: str, latency_ms: float, done: int, most: int) -> None:
        self.layers_measured += 1
        self._show(f"measured {layer}: {latency_ms:.3g} ms", done, most, "")

    def note(self, text: str) -> None:
        say(text, quiet=self._quiet)

    def binding(self, constraint: Constraint) -> None:
        self._unit = f"{constraint.unit} on {constraint.name}"

    def iteration(self, iteration: int, cost: float, target: float, left: int) -> None:
        if iteration == 1 and self._work is not None:
            evaluating = time.perf_counter() - self._since
            self._second_each = evaluating / self._work.evaluated
        self._since = time.perf_counter()
        self._iteration = f"iteration {iteration}: {cost:.3g} → {target:.3g} {self._unit}"
        self._left.iteration(left)
        self._to_do = self._done + left
        self._show(f"{self._iteration}, scoring channels", self._done, self._to_do, "")

    def candidate(self, proposal: Proposal, index: int, count: int) -> None:
        if index == 0 and self._second_each is not None and self._work is not None:
            before = time.perf_counter() - self._since
            images = self._work.proposal + self._work.evaluated / count
            self._left.expect(images * self._second_each + before / count)
        left = self._left.candidate(index, count)
        done = self._done + index / count
        self._show(f"{self._iteration}, trying {proposal}", done, self._to_do, left)

    def chosen(self, step: Step) -> None:
        self._done += 1
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

    def _show(self, what: str, done: float, total: float | None, left: str) -> None:
        if self._line is None:
            self._line = self._bar.add_task(what, total=total, left=left)
        self._bar.update(self._line, description=what, completed=done, total=total, left=left)
