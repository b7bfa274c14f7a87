"""Who is told what a search does.

Imports nothing heavy: the command line shows progress before a network is loaded.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netadapt.pruning.constraints.base import Constraint
    from netadapt.pruning.feasibility import Reach
    from netadapt.pruning.proposals import Proposal
    from netadapt.pruning.step import Step


class Callback:
    """Is told what a search does; every method may be overridden, none has to be.

    `table` and `feasible` are called once for each budget, before the first step; then for each
    iteration `binding` where there are several budgets, `iteration`, `candidate` before each
    proposal is tried, and `chosen`. All in the search's own process and thread. What a callback
    raises ends the search; what is on disk stays.

    >>> class Printer(Callback):
    ...     def chosen(self, step):
    ...         print(step.iteration, step.record.group, step.record.metrics)
    """

    def table(self, description: str) -> None:
        """Where the figures of the constraint come from: which lookup table is used."""

    def feasible(self, reaches: list[Reach], iterations: int) -> None:
        """What is possible, and how many iterations a budget needs, from where a run stands."""

    def measured(self, layer: str, latency_ms: float, done: int, most: int) -> None:
        """A layer was measured on demand; the table has `done` rows, and `most` when all are."""

    def note(self, text: str) -> None:
        """Something that the user should know: of a measurement, of what a budget comes to."""

    def binding(self, constraint: Constraint) -> None:
        """The budget furthest from being met: what follows is about it."""

    def iteration(self, iteration: int, cost: float, target: float, left: int) -> None:
        """An iteration begins, in the constraint's unit; `left` counts it and those after it."""

    def candidate(self, proposal: Proposal, index: int, count: int) -> None:
        """Proposal `index` of `count` is about to be fine-tuned."""

    def chosen(self, step: Step) -> None:
        """An iteration is on disk."""


class Callbacks(Callback):
    """Tells several callbacks, in their order."""

    def __init__(self, callbacks: Iterable[Callback]) -> None:
        self._callbacks = tuple(callbacks)

    def table(self, description: str) -> None:
        for callback in self._callbacks:
            callback.table(description)

    def feasible(self, reaches: list[Reach], iterations: int) -> None:
        for callback in self._callbacks:
            callback.feasible(reaches, iterations)

    def measured(self, layer: str, latency_ms: float, done: int, most: int) -> None:
        for callback in self._callbacks:
            callback.measured(layer, latency_ms, done, most)

    def note(self, text: str) -> None:
        for callback in self._callbacks:
            callback.note(text)

    def binding(self, constraint: Constraint) -> None:
        for callback in self._callbacks:
            callback.binding(constraint)

    def iteration(self, iteration: int, cost: float, target: float, left: int) -> None:
        for callback in self._callbacks:
            callback.iteration(iteration, cost, target, left)

    def candidate(self, proposal: Proposal, index: int, count: int) -> None:
        for callback in self._callbacks:
            callback.candidate(proposal, index, count)

    def chosen(self, step: Step) -> None:
        for callback in self._callbacks:
            callback.chosen(step)
