"""From the channel groups that a walk found to those that hold in trial cuts.

Where a cut fails, what the walk could only guess is tried another way first: numbers that modules
hold, sizes that code takes from its input. What then still fails is joined, limited to some
widths, or left whole. How groups that fail are found is `proving.py`'s affair.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import nn

from netadapt.graph.groups import Grouping
from netadapt.graph.labels import Ints
from netadapt.graph.layer_graph import LayerGraph
from netadapt.graph.module_names import outwards
from netadapt.graph.operator_calls import Program
from netadapt.graph.proving import failing, first_fault, verdict
from netadapt.graph.trial import NOTHING, Fault, Trial

MOST_ROUNDS = 5
"""How often trial cuts are made anew after groups were frozen, limited or joined."""
EQUALLY_WIDE = "equally wide, as the network's code has it"
BESIDE_OTHERS = "the network's code counts on its width beside that of others"

Assemble = Callable[[Mapping[str, str], Mapping[str, tuple[int, ...]]], tuple[LayerGraph, Grouping]]
"""(reasons of frozen groups, widths of limited ones) -> the walk's graph with these."""


class Settling:
    """Makes trial cuts of a graph, and changes it until they hold."""

    def __init__(
        self,
        model: nn.Module,
        trial: Trial,
        grouping: Grouping,
        assemble: Assemble,
        training: Callable[[], Program | None],
    ) -> None:
        """`training` gives the network's calls in training mode."""
        self._trial, self._grouping, self._assemble = trial, grouping, assemble
        self._first, self._walk = grouping, grouping.walk
        self._kinds = {
            name: type(module) for name, module in model.named_modules(remove_duplicate=False)
        }
        # The weaker guess, a number that equals what its module takes, gives way.
        self._guesses = self._walk.entered_numbers | self._walk.guessed
        self._training: Callable[[], Program | None] | None = training
        self._frozen: dict[str, str] = {}
        self._widths: dict[str, tuple[int, ...]] = {}

    def settled(self) -> LayerGraph:
        """The graph of those groups, and those widths of them, that hold in trial cuts."""
        if not self._trial.says_something:
            self._freeze_all(NOTHING)
        for round in range(MOST_ROUNDS):
            self._remedy(round)
            faults = failing(self._trial, self._kinds, round)
            if not faults:
                break
            why = None if round else self._trial.unprovable()
            if why is not None:
                self._freeze_all(why)
                break
            if not self._guess(faults):
                self._judge(faults, round)
        else:
            # What still fails, after so many changes, is left whole.
            faults = failing(self._trial, self._kinds, MOST_ROUNDS)
            self._frozen |= {name: fault.reason for name, fault in faults.items()}
            self._renew()
        self._trial.graph.blueprint.parts = self._grouping.parts(self._first)
        return self._trial.graph

    def _remedy(self, seed: int) -> None:
        """Where code raises in a module of a kind that may take sizes from its input, or from
        its attributes: let all modules of that kind be cut so, if that helps."""
        while (fault := first_fault(self._trial, seed)) is not None:
            if fault.training and self._follow_training():
                continue
            kind = self._kind_to_remedy(fault)
            if kind is None:
                return
            walk, before = self._walk, (self._trial, self._grouping)
            labels, followed = walk.labels.copy(), dict(walk.followed)
            for tie in [tie for tie in walk.ties if self._kinds[tie.module] is kind]:
                walk.ties.remove(tie)
                note = f"{tie.module or 'the network'} uses one number for both"
                walk.labels.unify(tie.given, tie.shaped, note)
            for key in [key for key in self._guesses if self._kinds[key[0]] is kind]:
                walk.followed[key] = self._guesses.pop(key)
            self._renew()
            left = first_fault(self._trial, seed)
            if left is not None and (left.module is None or self._kinds.get(left.module) is kind):
                walk.labels, walk.followed = labels, followed
                self._trial, self._grouping = before

    def _follow_training(self) -> bool:
        """Reckon with what runs in training mode alone, once."""
        if self._training is None:
            return False
        program = self._training()
        self._training = None
        if program is None:
            return False
        self._walk.follow(program)
        self._renew()
        return True

    def _kind_to_remedy(self, fault: Fault) -> type | None:
        """The kind of the innermost module around the fault for which something can be tried."""
        if fault.module is None:
            return None
        left = {tie.module for tie in self._walk.ties} | {key[0] for key in self._guesses}
        kinds = {self._kinds[module] for module in left}
        around = (self._kinds.get(module) for module in (*outwards(fault.module), ""))
        return next((kind for kind in around if kind in kinds), None)

    def _guess(self, faults: Mapping[str, Fault]) -> bool:
        """Take what modules hold for sizes of the groups that fail, where it equals them; what
        was taken for that and didn't help is forgotten."""
        walk = self._walk
        unhelpful = [key for key, labels in walk.followed.items() if self._fails(labels, faults)]
        for key in unhelpful:
            del walk.followed[key]
        wanted = [key for key, labels in self._guesses.items() if self._fails(labels, faults)]
        for key in wanted:
            walk.followed[key] = self._guesses.pop(key)
        if unhelpful or wanted:
            self._renew()
        return bool(unhelpful or wanted)

    def _fails(self, labels: Ints, faults: Mapping[str, Fault]) -> bool:
        groups = self._grouping.affine(labels)[1]
        return any(self._grouping.groups[index].name in faults for index in groups)

    def _judge(self, faults: Mapping[str, Fault], round: int) -> None:
        """Freeze groups, limit their widths or join them, as trials show."""
        found = verdict(self._trial, faults, round)
        for names in found.together:
            self._grouping.unify(names, EQUALLY_WIDE)
        self._frozen |= found.frozen
        # What works alone and still fails beside others, later on, is left whole.
        self._frozen |= {name: BESIDE_OTHERS for name in found.widths if name in self._widths}
        self._widths |= found.widths
        self._renew()

    def _freeze_all(self, reason: str) -> None:
        self._frozen |= dict.fromkeys(self._trial.graph.widths, reason)
        self._renew()

    def _renew(self) -> None:
        graph, self._grouping = self._assemble(self._frozen, self._widths)
        self._trial = self._trial.at(graph)
