"""One iteration of a search, as a strategy sees it: where it stands, and its tools.

Everything random in an iteration depends on the seed and its number alone, so a run that was killed
goes on to the same rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from netadapt.errors import InputError
from netadapt.graph import LayerGraph
from netadapt.pruning.attempts import Attempt, Ground, KeptModel, Outcome
from netadapt.pruning.callbacks import Callback
from netadapt.pruning.candidates import Candidate, score
from netadapt.pruning.constraints.base import Constraint
from netadapt.pruning.constraints.trusted import cost_of
from netadapt.pruning.executors.base import Executor
from netadapt.pruning.importance.base import Importance, kept_units, require_scores
from netadapt.pruning.proposals import Proposal, propose
from netadapt.pruning.records import CandidateRecord, Interval, names_cell
from netadapt.pruning.settings import SearchSettings
from netadapt.pruning.stages import FAILED, SHORT_TERM, Stage
from netadapt.pruning.step import Step
from netadapt.remarks import remark
from netadapt.training.counted_task import CountedTask
from netadapt.training.task import Task, checked_metrics
from netadapt.users_code import users_code

SEEDS_APART = 100_003
"""The seeds of two searches don't meet within so many iterations."""


@dataclass(frozen=True)
class Iteration:
    """Iteration `number`, which must bring the network of `step` to `target`.

    `tried` are the records of proposals that an interrupted run has tried in it, `record` keeps a
    new one.
    """

    step: Step
    target: float
    constraint: Constraint
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

    @property
    def importances(self) -> Mapping[str, Tensor]:
        """The scores of each group's units, `[width]`.

        Raises InputError, naming the importance, where it fails or gives anything else.
        """
        if self._used.importances is None:
            what = f"the importance {self.settings.importance}"
            counted = CountedTask(self.task)
            torch.manual_seed(
                self.seed
            )  # not as the attempts before have left it, here or elsewhere
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
        end, in any order.

        What an interrupted run has tried is not tried again; such a candidate has no model. One
        that fails for want of memory, or ends its process, is recorded and left out. Raises
        InputError where all do.
        """
        before = self._tried_before(proposals, stage)
        first = self._used.asked
        self._used.asked += len(proposals)
        attempts = []
        failures: list[str] = []
        for index, (proposal, known) in enumerate(zip(proposals, before, strict=True)):
            if known is None:
                attempts.append(self.attempt(proposal, stage, index, len(proposals)))
                continue
            self._used.places[_row_of(known)] = first + index
            if known.stage == FAILED:
                failures.append(f"{proposal}: failed before the run was stopped")
            else:
                yield self._candidate(proposal, known.metrics, stage)
        for attempt, outcome in self._outcomes(attempts):
            record = self._record_of(attempt, outcome)
            self._used.samples += outcome.samples
            self._used.places[_row_of(record)] = first + attempt.number
            self.record(record)
            if outcome.failure:
                failures.append(f"{attempt.proposal}: {outcome.failure}")
                remark(f"the candidate {failures[-1]}; the run goes on without it")
                continue
            yield self._candidate(attempt.proposal, outcome.metrics, stage, outcome.model)
        if failures and len(failures) == len(proposals):
            raise InputError(
                f"none of the {len(failures)} candidates of iteration {self.number} could be tried "
                f"({failures[0]}); free memory or use fewer --workers, then go on with --resume, "
                f"or start another run with a smaller --batch-size"
            )

    def _tried_before(
        self, proposals: Sequence[Proposal], stage: Stage
    ) -> list[CandidateRecord | None]:
        """What an interrupted run has recorded of each; None where it is still to be tried."""
        tried = {_row_of(record): record for record in self.tried}
        keys = [_key(all_widths(proposal.of(self.graph))) for proposal in proposals]
        found = [tried.get((stage.name, key)) or tried.get((FAILED, key)) for key in keys]
        if all(record is not None and record.stage == FAILED for record in found):
            return [None] * len(found)  # the run ended by that; now there may be more memory
        return found

    def _record_of(self, attempt: Attempt, outcome: Outcome) -> CandidateRecord:
        proposal, stage = attempt.proposal, attempt.stage
        graph = proposal.of(self.graph)
        if outcome.failure:
            nothing = Candidate(proposal, {}, math.inf)
            facts = self.facts(nothing, graph, outcome.seconds, outcome.samples)
            return CandidateRecord(**{**facts, "score": None}, stage=FAILED)
        candidate = self._candidate(proposal, outcome.metrics, stage)
        facts = self.facts(candidate, graph, outcome.seconds, outcome.samples)
        return CandidateRecord(**facts, stage=stage.name)

    def place_of(self, record: CandidateRecord) -> float:
        """Where in candidates.csv a record of this iteration belongs: in the order of asking."""
        return self._used.places.get(_row_of(record), math.inf)

    def model_of(self, candidate: Candidate) -> nn.Module:
        """The cut network of `candidate`: as it holds it, fetched from where it was made, or made
        again, which gives the same weights."""
        model = candidate.model
        if model is not None and not isinstance(model, nn.Module):
            model = model.fetched()
        if model is None:
            model, _ = self.attempt(candidate.proposal, candidate.stage).trained()
        return model

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
            if not outcome.failure:
                metrics = checked_metrics(outcome.metrics, self.task, what)
                outcome = replace(outcome, metrics=metrics)
            yield attempt, outcome
        if waiting:
            lost = ", ".join(str(attempt.proposal) for attempt in waiting.values())
            raise InputError(f"{what} gave no outcome of the attempts at {lost}")

    def attempt(
        self, proposal: Proposal, stage: Stage = SHORT_TERM, index: int = 0, count: int = 1
    ) -> Attempt:
        """`proposal` with all that trying it needs."""
        return Attempt(
            number=index,
            count=count,
            proposal=proposal,
            kept={
                group: tuple(kept_units(self.importances[group], width))
                for group, width in proposal.widths.items()
            },
            ground=self._ground,
            stage=stage,
        )

    @property
    def _ground(self) -> Ground:
        """What all attempts share: one object, so that an executor sends it anywhere once."""
        if self._used.ground is None:
            self._used.ground = Ground(
                self.step.model,
                self.graph,
                self.task,
                self.settings.short_term,
                batches_seed=self.seed,
                seed=self.settings.seed * SEEDS_APART + self.step.iteration,
            )
        return self._used.ground

    def _started(self, attempt: Attempt) -> None:
        self.callback.candidate(attempt.proposal, attempt.number, attempt.count)

    def _candidate(
        self,
        proposal: Proposal,
        metrics: Mapping[str, float],
        stage: Stage,
        model: nn.Module | KeptModel | None = None,
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
            "latency": latency_of(self.constraint, graph),
            "target_ms": self.target if self.constraint.in_ms else None,
            "metrics": candidate.metrics,
            "macs": graph.macs,
            "params": graph.params,
            "score": candidate.score,
            "seconds": round(seconds, 3),
            "widths": all_widths(graph),
            "samples": samples,
        }


@dataclass
class _Used:
    """What an iteration has found and spent, known to all copies of it."""

    importances: Mapping[str, Tensor] | None = None
    samples: int = 0
    ground: Ground | None = None
    asked: int = 0
    """How many proposals were to be judged so far."""
    places: dict[RowKey, int] = field(default_factory=dict)
    """Of rows of candidates.csv, in the order of asking."""


RowKey = tuple[str, frozenset[tuple[str, int]]]
"""What tells the rows of an iteration in candidates.csv apart: the stage and the widths."""


def _row_of(record: CandidateRecord) -> RowKey:
    return record.stage, _key(record.widths)


def _key(widths: Mapping[str, int]) -> frozenset[tuple[str, int]]:
    return frozenset(widths.items())


def all_widths(graph: LayerGraph) -> dict[str, int]:
    """The width of every group, of frozen ones too."""
    return {group.name: group.width for group in graph.groups}


def latency_of(constraint: Constraint, graph: LayerGraph) -> Interval | None:
    """The milliseconds of `graph`, where the constraint is one on them."""
    return constraint.interval(graph) if constraint.in_ms else None
