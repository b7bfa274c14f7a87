"""One iteration of a search, as a strategy sees it: where it stands, and its tools.

Everything random in an iteration depends on the seed and its number alone, so a run that was killed
goes on to the same rows.
"""

from __future__ import annotations

import math
import time
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
from netadapt.pruning.constraints.budgets import Budgets
from netadapt.pruning.constraints.registry import label_of
from netadapt.pruning.constraints.trusted import cost_of
from netadapt.pruning.executors.base import Executor
from netadapt.pruning.importance.base import Importance, kept_units, scores_by
from netadapt.pruning.paired import as_many_again, difference, losses
from netadapt.pruning.proposals import Proposal, propose
from netadapt.pruning.records import CandidateRecord, Tried, names_cell
from netadapt.pruning.settings import SearchSettings
from netadapt.pruning.stages import FAILED, SHORT_TERM, Stage
from netadapt.pruning.step import Step
from netadapt.remarks import remark
from netadapt.training.shared_batches import SharedBatches
from netadapt.training.task import Task, checked_metrics, evaluated_images, tells_images
from netadapt.training.task_wrapper import CountedTask, labelled

FINALIST = "finalist"
"""The stage of a candidate that was judged on more images, whose number follows."""

SEEDS_APART = 100_003
"""The seeds of two searches don't meet within so many iterations."""


@dataclass(frozen=True)
class Iteration:
    """Iteration `number`, which must bring the network of `step` to `target`.

    `constraint` is the one of `budgets` that is furthest from being met: the target, every cost and
    every score are its. `tried` are the proposals that an interrupted run has tried in
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
    tried: Sequence[Tried] = ()
    record: Callable[[Tried], None] = field(default=lambda tried: None)
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
            # By labels: of what the network itself says, its first gradients are all nothing.
            counted = CountedTask(labelled(self.task))
            torch.manual_seed(self.seed)  # not as attempts have left it, in this process alone
            self._used.importances = scores_by(
                self.importance,
                str(self.settings.importance),
                self.step.model,
                self.graph,
                counted,
                self.seed,
            )
            self._used.samples += counted.images
        return self._used.importances

    @property
    def seed(self) -> int:
        """What is random in the iteration follows from this."""
        return self.settings.seed * SEEDS_APART + self.number

    @property
    def samples(self) -> int:
        """The images that were trained on in this iteration so far."""
        return self._used.samples + sum(record.samples or 0 for record, _ in self.tried)

    def scores_before(self, images: range) -> Tensor:
        """The accuracy of the network that is to be cut on these images of the holdout: `[N]`."""
        if self._used.before is None:
            assert tells_images(self.task)  # nothing else has images
            whole = range(self.task.holdout_count)
            self._used.before = self.step.scores
            if self._used.before is None:  # of a run that goes on
                self._used.before = evaluated_images(self.step.model, self.task, whole)[1]
        return self._used.before[images.start : images.stop]

    def losses_of(self, candidate: Candidate) -> Tensor:
        """The accuracy that `candidate` lost on each image for each unit it saves: `[N]`."""
        after = torch.tensor(candidate.scores, dtype=torch.float64)
        before = self.scores_before(range(len(after)))
        return losses(before, after, self.cost - candidate.proposal.cost)

    def images_after(self, candidate: Candidate) -> range | None:
        """The images of the holdout that `candidate` is to be judged on next, as many as so far;
        None where there are no more."""
        if not candidate.scores or not tells_images(self.task):
            return None
        done, whole = len(candidate.scores), self.task.holdout_count
        return as_many_again(done, whole) if done < whole else None

    def judge_further(self, candidate: Candidate, images: range) -> Candidate:
        """`candidate`, judged on these images too, and recorded as it now stands."""
        stage = Stage(f"{FINALIST}, {images.stop} images", candidate.stage.steps)
        known = self._known(candidate.proposal, stage)
        place = self._used.asked
        self._used.asked += 1
        if known is not None:
            record, scores = known
            self._used.places[_row_of(record)] = place
            return self._candidate(candidate.proposal, candidate.stage, record.metrics, scores)
        started = time.perf_counter()
        model = self.model_of(candidate)
        assert tells_images(self.task)  # its images were asked for
        more, each = evaluated_images(model, self.task, images)
        new, old = (sum(not math.isnan(one) for one in part) for part in (each, candidate.scores))
        share = new / (new + old)  # of images that tell something
        metrics = {
            name: (1 - share) * value + share * more[name]
            for name, value in candidate.metrics.items()
        }
        scores = (*candidate.scores, *each.tolist())
        further = self._candidate(candidate.proposal, candidate.stage, metrics, scores, model)
        self._record(further, stage, time.perf_counter() - started, samples=0, place=place)
        return further

    def widest_cuts(self) -> list[Proposal]:
        """For every group the widest cut that meets the target; see `propose`."""
        return propose(self.graph, self.cost_of, self.target, self.settings.step)

    def judge(
        self, proposals: Sequence[Proposal], stage: Stage = SHORT_TERM
    ) -> Iterator[Candidate]:
        """Each proposal tried: cut, taken as far as `stage` says, evaluated and recorded, as they
        end, in any order.

        What an interrupted run has tried is not tried again; such a candidate has no model. One
        that fails for want of memory, or ends its process, is recorded and left out. Raises
        InputError where all do.
        """
        if len({tuple(proposal.widths.items()) for proposal in proposals}) < len(proposals):
            raise InputError(
                f"the strategy {self.settings.strategy} judges a proposal twice at once; give each "
                f"once"
            )
        before = self._tried_before(proposals, stage)
        first = self._used.asked
        self._used.asked += len(proposals)
        attempts = []
        failures: list[str] = []
        for index, (proposal, known) in enumerate(zip(proposals, before, strict=True)):
            if known is None:
                attempts.append(self.attempt(proposal, stage, index, len(proposals)))
                continue
            self._used.places[_row_of(known.record)] = first + index
            if known.record.stage == FAILED:
                failures.append(f"{proposal}: failed before the run was stopped")
            else:
                record, scores = known
                yield self._candidate(proposal, stage, record.metrics, scores)
        for attempt, outcome in self._outcomes(attempts):
            self._used.samples += outcome.samples
            place = first + attempt.number
            if outcome.failure:
                self._record_failure(attempt, outcome, place)
                failures.append(f"{attempt.proposal}: {outcome.failure}")
                remark(f"the candidate {failures[-1]}; the run goes on without it")
                continue
            candidate = self._candidate(
                attempt.proposal, stage, outcome.metrics, outcome.scores, outcome.model
            )
            self._record(candidate, stage, outcome.seconds, outcome.samples, place)
            yield candidate
        if failures and len(failures) == len(proposals):
            raise InputError(
                f"none of the {len(failures)} candidates of iteration {self.number} could be tried "
                f"({failures[0]}); free memory or use fewer --workers, then go on with --resume, "
                f"or start another run with a smaller --batch-size"
            )

    def _tried_before(self, proposals: Sequence[Proposal], stage: Stage) -> list[Tried | None]:
        """What an interrupted run has found of each; None where it is still to be tried."""
        failed = Stage(FAILED)
        found = [self._known(each, stage) or self._known(each, failed) for each in proposals]
        if all(tried is not None and tried.record.stage == FAILED for tried in found):
            return [None] * len(found)  # the run ended by that; now there may be more memory
        return found

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

    def _known(self, proposal: Proposal, stage: Stage) -> Tried | None:
        """What was found of `proposal` before: by an interrupted run, or in this one."""
        widths = all_widths(proposal.of(self.graph))
        tried = (*self.tried, *self._used.tried)
        return next((one for one in tried if one.is_of(stage.name, widths)), None)

    def _record(
        self, candidate: Candidate, stage: Stage, seconds: float, samples: int, place: int
    ) -> None:
        graph = candidate.proposal.of(self.graph)
        facts = self.facts(candidate, graph, seconds, samples)
        record = CandidateRecord(**facts, stage=stage.name)
        self._used.tried.append(self._kept(record, place, candidate.scores))

    def _record_failure(self, attempt: Attempt, outcome: Outcome, place: int) -> None:
        nothing = Candidate(attempt.proposal, {}, math.inf)
        graph = attempt.proposal.of(self.graph)
        facts = self.facts(nothing, graph, outcome.seconds, outcome.samples)
        record = CandidateRecord(**{**facts, "score": None}, stage=FAILED)
        self._kept(record, place)

    def _kept(self, record: CandidateRecord, place: int, scores: tuple[float, ...] = ()) -> Tried:
        """A row that is on disk now."""
        self._used.places[_row_of(record)] = place
        tried = Tried(record, scores)
        self.record(tried)
        return tried

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
            images=self._images_at_first(),
        )

    @property
    def _ground(self) -> Ground:
        """What all attempts share: one object, so that an executor sends it anywhere once."""
        if self._used.ground is None:
            self._used.ground = Ground(
                self.step.model,
                self.graph,
                SharedBatches(self.task),
                self.settings.short_term,
                batches_seed=self.seed,
                seed=self.settings.seed * SEEDS_APART + self.step.iteration,
            )
        return self._used.ground

    def _images_at_first(self) -> int | None:
        """How many images a proposal is judged on; None where the task tells none apart."""
        if not tells_images(self.task):
            return None
        return min(self.settings.proposal_images, self.task.holdout_count)

    def _started(self, attempt: Attempt) -> None:
        self.callback.candidate(attempt.proposal, attempt.number, attempt.count)

    def _candidate(
        self,
        proposal: Proposal,
        stage: Stage,
        metrics: Mapping[str, float],
        scores: tuple[float, ...],
        model: nn.Module | KeptModel | None = None,
    ) -> Candidate:
        accuracy = self.task.metrics[0]
        before = self.step.record.metrics[accuracy]
        value = score(before, metrics[accuracy], self.cost, proposal.cost)
        candidate = Candidate(proposal, metrics, value, model, stage, scores)
        if not scores:
            return candidate
        lost = difference(self.losses_of(candidate), torch.zeros(len(scores)))
        error = lost.error if math.isfinite(lost.error) else None
        return replace(candidate, score=lost.mean, score_error=error)

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
            "score_error": candidate.score_error,
            "binding": label_of(self.constraint.name) if self.budgets.several else None,
            "latencies": self.budgets.latencies(graph),
        }


@dataclass
class _Used:
    """What an iteration has found and spent, known to all copies of it."""

    importances: Mapping[str, Tensor] | None = None
    samples: int = 0
    tried: list[Tried] = field(default_factory=list)
    before: Tensor | None = None
    ground: Ground | None = None
    asked: int = 0
    """How many rows of candidates.csv were asked for so far."""
    places: dict[RowKey, int] = field(default_factory=dict)
    """Of those rows, in the order of asking."""


RowKey = tuple[str, frozenset[tuple[str, int]]]
"""What tells the rows of an iteration in candidates.csv apart: the stage and the widths."""


def _row_of(record: CandidateRecord) -> RowKey:
    return record.stage, frozenset(record.widths.items())


def all_widths(graph: LayerGraph) -> dict[str, int]:
    """The width of every group, of frozen ones too."""
    return {group.name: group.width for group in graph.groups}
