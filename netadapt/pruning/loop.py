"""The NetAdapt loop (Yang et al., ECCV 2018, algorithm 1).

Each iteration proposes, for every channel group, the cut that brings the whole network to the
iteration's target, fine-tunes each proposal for a moment, and keeps the one that loses the least
accuracy per millisecond saved. Everything random in an iteration depends on the seed and the
iteration alone, so a run that was killed goes on to the same rows.

Of the thousands of cuts that an iteration looks at, only those it proposes are measured on demand:
a fine-tuning costs more than timing the two or three layers that a cut changes.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from netadapt.errors import BudgetError, InputError
from netadapt.graph import LayerGraph, cut, trace
from netadapt.pruning.callbacks import Watcher
from netadapt.pruning.candidates import Candidate, choose, score
from netadapt.pruning.cost import Cost
from netadapt.pruning.importance.magnitude import kept_units
from netadapt.pruning.proposals import Proposal, Schedule, propose
from netadapt.pruning.records import read_widths_text, widths_text
from netadapt.pruning.run_folder import Row, RunFolder
from netadapt.pruning.step import Step
from netadapt.training.finetune import FineTuning, fine_tune
from netadapt.training.task import Task

MOST_ROUNDS = 10
"""How often an iteration proposes at most, each time by what it measured the time before."""

Describe = Callable[[nn.Module, LayerGraph], Mapping[str, Any]]
"""Gives the config from which a cut model is rebuilt before its weights are loaded."""


@dataclass(frozen=True)
class SearchSettings:
    """What decides a search, apart from the network, the task and the device."""

    budget_ms: float
    first_reduction: float = 0.025
    """ΔR_0 as a share of the first latency."""
    decay: float = 0.98
    width_multiple: int = 8
    short_term: FineTuning = field(default_factory=lambda: FineTuning(steps=10))
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.budget_ms < float("inf"):
            raise InputError(f"the budget is {self.budget_ms} ms; expected a number > 0")
        if not 0 < self.first_reduction < 1:
            raise InputError(
                f"the first reduction is {self.first_reduction}; expected a share between 0 and 1"
            )
        if not 0 < self.decay <= 1:
            raise InputError(f"the decay is {self.decay}; expected a number in (0, 1]")
        if self.width_multiple < 1:
            raise InputError(f"the width multiple is {self.width_multiple}; expected 1 or more")

    def schedule(self, latency_ms: float) -> Schedule:
        """What each iteration must save, for a network that takes `latency_ms` uncut."""
        return Schedule(self.first_reduction * latency_ms, self.decay)


def run_search(
    run: RunFolder,
    given: Step,
    example_input: Tensor | tuple[Tensor, ...],
    task: Task,
    cost: Cost,
    settings: SearchSettings,
    describe: Describe,
    watcher: Watcher,
) -> Iterator[Step]:
    """Search from `given` (iteration 0), giving each step as it is on disk.

    Continues where `run` stands. Raises BudgetError when no cut makes the network faster although
    the budget isn't met.
    """
    return _Loop(run, example_input, task, cost, settings, describe, watcher).steps(given)


class _Loop:
    """The state of a search between two iterations is a step, and on demand the table's rows."""

    def __init__(
        self,
        run: RunFolder,
        example_input: Tensor | tuple[Tensor, ...],
        task: Task,
        cost: Cost,
        settings: SearchSettings,
        describe: Describe,
        watcher: Watcher,
    ) -> None:
        self.run = run
        self.example_input = example_input
        self.task = task
        self.accuracy = task.metrics[0]
        self.cost = cost
        self.settings = settings
        self.describe = describe
        self.watcher = watcher

    def steps(self, given: Step) -> Iterator[Step]:
        done = self.run.trajectory.rows()
        budget_ms = self.settings.budget_ms
        if done:
            step = replace(given, row=dict(done[0]))
        else:
            step = self._evaluated(given)
            self._commit(step)
        schedule = self.settings.schedule(float(str(step.row["latency_ms"])))
        yield step
        for row in done[1:][-1:]:  # of what an interrupted run has done, only its last matters
            step = self._loaded(given, row)
            yield step
        while (latency_ms := self.cost.ms(step.graph)) > budget_ms + 1e-9:
            iteration = step.iteration + 1
            left = schedule.iterations_left(iteration, latency_ms, budget_ms)
            target_ms = schedule.target_ms(iteration, latency_ms, budget_ms)
            self.watcher.iteration(iteration, latency_ms, target_ms, left)
            step = self._iterate(step, target_ms)
            self._commit(step)
            self.watcher.chosen(step)
            yield step

    def _evaluated(self, given: Step) -> Step:
        started = time.perf_counter()
        metrics = self._evaluate(given.model)
        row = self._row(0, None, given.graph, float("nan"), metrics, 0.0, started)
        return replace(given, row=row)

    def _loaded(self, given: Step, row: Row) -> Step:
        """The step of `row`: the network given, cut as it was then, with the weights it had."""
        iteration = int(row["iteration"])
        widths = read_widths_text(row["widths"])
        keep = {
            group.name: range(widths[group.name])
            for group in given.graph.groups
            if not group.frozen
        }
        model = cut(given.model, given.graph, keep)
        self.run.load_weights(iteration, model)
        return Step(iteration, dict(row), model, trace(model, self.example_input))

    def _iterate(self, step: Step, target_ms: float) -> Step:
        started = time.perf_counter()
        iteration = step.iteration + 1
        proposals = self._proposals(step.graph, target_ms)
        if not proposals:
            raise BudgetError(
                f"the budget of {self.settings.budget_ms:g} ms on {self.cost.device} cannot be "
                f"met: at {self.cost.ms(step.graph):.3g} ms no cut of one group makes the network "
                f"faster; the smallest reached is in {self.run.checkpoint(step.iteration)}"
            )
        best: tuple[Candidate, nn.Module | None] | None = None
        known = self._known_candidates(iteration, step)
        stream = list(self._stream(iteration))
        for index, proposal in enumerate(proposals):
            model: nn.Module | None = None
            candidate = known.get((proposal.group, proposal.width_after))
            if candidate is None:
                self.watcher.candidate(proposal, index, len(proposals))
                candidate_started = time.perf_counter()
                model = self._train(step, proposal, stream)
                candidate = self._judge(step, proposal, self._evaluate(model))
                self._record(candidate, iteration, step, target_ms, candidate_started)
            if best is None or choose([best[0], candidate]) is candidate:
                best = (candidate, model)
        assert best is not None
        chosen, chosen_model = best
        if chosen_model is None:  # evaluated before an interruption: the same weights come again
            chosen_model = self._train(step, chosen.proposal, stream)
        graph = trace(chosen_model, self.example_input)
        row = self._row(
            iteration, chosen.proposal, graph, target_ms, chosen.metrics, chosen.score, started
        )
        return Step(iteration, row, chosen_model, graph)

    def _proposals(self, graph: LayerGraph, target_ms: float) -> list[Proposal]:
        """What `propose` gives; on demand, with every layer of every proposal measured.

        New rows move the estimates of other widths too, so it is proposed again until no layer
        lacks a row: the same rows then give the same proposals, in a resumed run too. After the
        last round, what misses the target goes, unless nothing meets it.
        """
        proposals: list[Proposal] = []
        for _ in range(MOST_ROUNDS):
            proposals = propose(graph, self.cost.ms, target_ms, self.settings.width_multiple)
            cost = self.cost.measured(proposal.of(graph) for proposal in proposals)
            if cost is self.cost:
                return proposals
            self.cost = cost
        present_ms = self.cost.ms(graph)
        known = [replace(p, latency_ms=self.cost.ms(p.of(graph))) for p in proposals]
        met = [proposal for proposal in known if proposal.latency_ms <= target_ms + 1e-9]
        return met or [proposal for proposal in known if proposal.latency_ms < present_ms]

    def _stream(self, iteration: int) -> Iterator[tuple[Tensor, Tensor]]:
        """The batches of an iteration: the same for all its candidates, so that they compare."""
        settings = self.settings.short_term
        seed = self.settings.seed * 100_003 + iteration
        return itertools.islice(
            self.task.training_batches(settings.batch_size, seed), settings.steps
        )

    def _train(
        self, step: Step, proposal: Proposal, stream: list[tuple[Tensor, Tensor]]
    ) -> nn.Module:
        group = next(group for group in step.graph.groups if group.name == proposal.group)
        keep = {group.name: kept_units(step.model, group, proposal.width_after)}
        torch.manual_seed(self.settings.seed * 100_003 + step.iteration)  # dropout, if any
        model = cut(step.model, step.graph, keep)
        fine_tune(model, self.task, self.settings.short_term, seed=0, stream=stream)
        return model

    def _evaluate(self, model: nn.Module) -> dict[str, float]:
        metrics = self.task.evaluate(model)
        return {name: float(metrics[name]) for name in self.task.metrics}

    def _judge(self, step: Step, proposal: Proposal, metrics: dict[str, float]) -> Candidate:
        before = float(str(step.row[self.accuracy]))
        value = score(before, metrics[self.accuracy], self.cost.ms(step.graph), proposal.latency_ms)
        return Candidate(proposal, metrics, value)

    def _known_candidates(self, iteration: int, step: Step) -> dict[tuple[str, int], Candidate]:
        """What an interrupted run has already found out in this iteration."""
        known = {}
        for row in self.run.candidates.rows():
            if row["iteration"] == str(iteration):
                proposal = Proposal(
                    row["group"],
                    tuple(row["layers"].split()),
                    int(row["width_before"]),
                    int(row["width_after"]),
                    float(row["latency_ms"]),
                )
                metrics = {name: float(row[name]) for name in self.task.metrics}
                known[proposal.group, proposal.width_after] = self._judge(step, proposal, metrics)
        return known

    def _record(
        self, candidate: Candidate, iteration: int, step: Step, target_ms: float, started: float
    ) -> None:
        proposal = candidate.proposal
        graph = proposal.of(step.graph)
        row = self._row(
            iteration, proposal, graph, target_ms, candidate.metrics, candidate.score, started
        )
        self.run.candidates.append({**row, "stage": "short-term", "chosen": ""})

    def _row(
        self,
        iteration: int,
        proposal: Proposal | None,
        graph: LayerGraph,
        target_ms: float,
        metrics: Mapping[str, float],
        score: float,
        started: float,
    ) -> dict[str, object]:
        latency = self.cost.latency(graph)
        return {
            "iteration": iteration,
            "group": proposal.group if proposal else "",
            "layers": " ".join(proposal.layers) if proposal else "",
            "width_before": proposal.width_before if proposal else "",
            "width_after": proposal.width_after if proposal else "",
            "latency_ms": latency.ms,
            "latency_low_ms": latency.low_ms,
            "latency_high_ms": latency.high_ms,
            "target_ms": target_ms if proposal else "",
            **metrics,
            "macs": graph.macs,
            "params": graph.params,
            "score": score if proposal else "",
            "seconds": round(time.perf_counter() - started, 3),
            "checkpoint": self.run.checkpoint(iteration).name,
            "widths": widths_text({group.name: group.width for group in graph.groups}),
        }

    def _commit(self, step: Step) -> None:
        self.run.save(step.iteration, step.model, self.describe(step.model, step.graph))
        self.run.commit(step.row)
