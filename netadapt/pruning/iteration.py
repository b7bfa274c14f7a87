"""One iteration of a search, as a strategy sees it: where it stands, and its tools.

Everything random in an iteration depends on the seed and its number alone, so a run that was killed
goes on to the same rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from torch import Tensor, nn

from netadapt.errors import InputError
from netadapt.graph import LayerGraph
from netadapt.pruning.attempts import Attempt, Outcome
from netadapt.pruning.callbacks import Callback
from netadapt.pruning.candidates import Candidate, score
from netadapt.pruning.constraints.base import Constraint
from netadapt.pruning.constraints.budgets import Budgets
from netadapt.pruning.constraints.registry import label_of
from netadapt.pruning.constraints.trusted import cost_of
from netadapt.pruning.executors.base import Executor
from netadapt.pruning.importance.base import Importance, kept_units, require_scores
from netadapt.pruning.proposals import Proposal, propose
from netadapt.pruning.records import CandidateRecord, names_cell
from netadapt.pruning.settings import SearchSettings
from netadapt.pruning.stages import SHORT_TERM, Stage
from netadapt.pruning.step import Step
from netadapt.training.counted_task import CountedTask
from netadapt.training.task import Task, checked_metrics
from netadapt.users_code import users_code

SEEDS_APART = 100_003
"""The seeds of two searches don't meet within so many iterations."""


@dataclass(frozen=True)
class Iteration:
    """Iteration `number`, which must bring the network of `step` to `target`.

    `constraint` is the one of `budgets` that is furthest from being met: the target, every cost and
    every score are its. `tried` are the records of proposals that an interrupted run has tried in
    it, `record` keeps a new one.
    """

    step: Step
    target: float
    constraint: Constraint
    budgets: Budgets
    task: Task
    settings: SearchSettings
    importance: Importance
    executor: Executor
    callback: Callback
    tried: Sequence[CandidateRecord] = ()
    record: Callable[[CandidateRecord], None] = field(default=lambda record: None)
    _used: _Used = field(default_factory=lambda: _Used())

    @property
    def number(self) -> int:
        """From 1; 0 is the network given."""
        return self.step.iteration + 1

    @property
    def graph(self) -> LayerGraph:
        """The network that is to be cut."""
        return self.step.graph

    @cached_property
    def cost(self) -> float:
        """What that costs, in the constraint's unit."""
        return self.cost_of(self.graph)

    def cost_of(self, graph: LayerGraph) -> float:
        """What another network costs. Raises InputError where the constraint gives no number."""
        return cost_of(self.constraint, graph)

    def meets(self, graph: LayerGraph) -> bool:
        """Whether `graph` meets all budgets."""
        return self.budgets.met(graph)

    @property
    def importances(self) -> Mapping[str, Tensor]:
        """The scores of each group's units, `[width]`.

        Raises InputError, naming the importance, where it fails or gives anything else.
        """
        if self._used.importances is None:
            what = f"the importance {self.settings.importance}"
            counted = CountedTask(self.task)
            with users_code(what):
                scores = self.importance(self.step.model, self.graph, counted, self.seed)
            require_scores(scores, self.graph, what)
            self._used.importances = scores
            self._used.samples += counted.images
        return self._used.importances

    @property
    def seed(self) -> int:
        """What is random in the iteration follows from this."""
        return self.settings.seed * SEEDS_APART + self.number

    @property
    def samples(self) -> int:
        """The images that were trained on in this iteration so far."""
        return self._used.samples + sum(record.samples or 0 for record in self.tried)

    def widest_cuts(self) -> list[Proposal]:
        """For every group the widest cut that meets the target; see `propose`."""
        return propose(self.graph, self.cost_of, self.target, self.settings.width_multiple)

    def judge(
        self, proposals: Sequence[Proposal], stage: Stage = SHORT_TERM
    ) -> Iterator[Candidate]:
        """Each proposal tried: cut, taken as far as `stage` says, evaluated and recorded, as they
        end.

        What an interrupted run has tried is not tried again; such a candidate has no model.
        """
        tried = {(record.stage, _key(record.widths)): record for record in self.tried}
        attempts = []
        for index, proposal in enumerate(proposals):
            known = tried.get((stage.name, _key(all_widths(proposal.of(self.graph)))))
            if known is None:
                attempts.append(self.attempt(proposal, stage, index, len(proposals)))
            else:
                yield self._candidate(proposal, known.metrics, stage)
        for attempt, outcome in self._outcomes(attempts):
            candidate = self._candidate(attempt.proposal, outcome.metrics, stage, outcome.model)
            graph = attempt.proposal.of(self.graph)
            facts = self.facts(candidate, graph, outcome.seconds, outcome.samples)
            self._used.samples += outcome.samples
            self.record(CandidateRecord(**facts, stage=stage.name))
            yield candidate

    def _outcomes(self, attempts: Sequence[Attempt]) -> Iterator[tuple[Attempt, Outcome]]:
        """What the executor gives, of each attempt once.

        Raises InputError, naming it, for anything else.
        """
        what = f"the executor {type(self.executor).__name__}"
        waiting = {attempt.number: attempt for attempt in attempts}
        for given in self.executor.run(attempts, self._started):
            match given:
                case (Attempt() as attempt, Outcome() as outcome):
                    proposal = attempt.proposal
                case _:
                    raise InputError(
                        f"{what} gave {type(given).__name__}; expected an attempt and its outcome"
                    )
            if waiting.pop(attempt.number, None) is None:
                raise InputError(f"{what} gave the attempt at {proposal} again, or unasked")
            if outcome.of not in (None, proposal):
                raise InputError(f"{what} gave the attempt at {proposal} another's outcome")
            metrics = checked_metrics(outcome.metrics, self.task, what)
            yield attempt, replace(outcome, metrics=metrics)
        if waiting:
            lost = ", ".join(str(attempt.proposal) for attempt in waiting.values())
            raise InputError(f"{what} gave no outcome of the attempts at {lost}")

    def attempt(
        self, proposal: Proposal, stage: Stage = SHORT_TERM, index: int = 0, count: int = 1
    ) -> Attempt:
        """`proposal` with all that trying it needs."""
        settings = self.settings
        return Attempt(
            number=index,
            count=count,
            proposal=proposal,
            kept={
                group: tuple(kept_units(self.importances[group], width))
                for group, width in proposal.widths.items()
            },
            model=self.step.model,
            graph=self.graph,
            task=self.task,
            short_term=settings.short_term,
            batches_seed=self.seed,
            seed=settings.seed * SEEDS_APART + self.step.iteration,
            stage=stage,
        )

    def _started(self, attempt: Attempt) -> None:
        self.callback.candidate(attempt.proposal, attempt.number, attempt.count)

    def _candidate(
        self,
        proposal: Proposal,
        metrics: Mapping[str, float],
        stage: Stage,
        model: nn.Module | None = None,
    ) -> Candidate:
        accuracy = self.task.metrics[0]
        before = self.step.record.metrics[accuracy]
        value = score(before, metrics[accuracy], self.cost, proposal.cost)
        return Candidate(proposal, metrics, value, model, stage)

    def facts(
        self, candidate: Candidate, graph: LayerGraph, seconds: float, samples: int
    ) -> dict[str, Any]:
        """What a record says of a candidate whose network is `graph`, in either file."""
        proposal = candidate.proposal
        return {
            "iteration": self.number,
            "group": names_cell(proposal.groups),
            "layers": proposal.layers,
            "width_before": sum(cut.width_before for cut in proposal.cuts),
            "width_after": sum(cut.width_after for cut in proposal.cuts),
            "latency": self.budgets.latency(graph),
            "target_ms": self.target if self.constraint.in_ms else None,
            "metrics": candidate.metrics,
            "macs": graph.macs,
            "params": graph.params,
            "score": candidate.score,
            "seconds": round(seconds, 3),
            "widths": all_widths(graph),
            "samples": samples,
            "binding": label_of(self.constraint.name) if self.budgets.several else None,
            "latencies": self.budgets.latencies(graph),
        }


@dataclass
class _Used:
    """What an iteration has found and spent, known to all copies of it."""

    importances: Mapping[str, Tensor] | None = None
    samples: int = 0


def _key(widths: Mapping[str, int]) -> frozenset[tuple[str, int]]:
    return frozenset(widths.items())


def all_widths(graph: LayerGraph) -> dict[str, int]:
    """The width of every group, of frozen ones too."""
    return {group.name: group.width for group in graph.groups}
