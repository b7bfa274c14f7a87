"""The full network that a cut one must equal, with the removed channels counting for nothing.

It exists for proofs. A sum over channels, such as a norm's mean, is taken over the kept ones, as
the cut network takes it; for that the network is run call by call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import fx, nn

from netadapt.errors import ModelError
from netadapt.graph.computed_weights import ComputedWeight, WeightsSeen
from netadapt.graph.kept_calls import KeptCall
from netadapt.graph.labels import Ints
from netadapt.graph.layer_graph import LayerGraph
from netadapt.graph.network_copy import copied
from netadapt.graph.operator_calls import Call, Program, export_program
from netadapt.graph.scalar_factors import Factor, FactorsSeen, followed, shares_left
from netadapt.graph.surgery import (
    Keep,
    check_keep,
    check_shapes,
    cut,
    removed_positions,
    tensors_of,
)


def zero_removed(
    model: nn.Module,
    graph: LayerGraph,
    keep: Keep,
    program: Program | None = None,
) -> nn.Module:
    """A copy of `model`, of the same shapes, in which the removed channels count for nothing.

    Every weight that reads a removed channel is zero there, which is exact whatever lies between
    (an activation with f(0) ≠ 0 too). What is taken over the channels (a layer norm's mean, a
    product of queries and keys) is taken over the kept ones. `program`: the network's calls, where
    they are at hand; else it is exported when it runs. Raises ModelError as `cut` does.
    """
    kept = check_keep(graph, keep)
    check_shapes(model, graph)
    result = copied(model)
    tensors = tensors_of(result)
    roles = {(u.param, u.axis): u.role for g in graph.groups for u in g.uses}
    with torch.no_grad():
        for name, axes in removed_positions(graph, kept).items():
            for axis, positions in axes.items():
                if roles[name, axis] == "in":
                    tensor = tensors[name]
                    tensor.index_fill_(axis, torch.from_numpy(positions).to(tensor.device), 0.0)
    indices = {group.name: i for i, group in enumerate(graph.groups)}
    staying = {indices[name]: units for name, units in kept.items()}
    calls = [call for call in graph.blueprint.kept_calls if call.cut_by(staying)]
    computed = [call for call in graph.blueprint.computed_weights if call.cut_by(staying)]
    scaled = graph.blueprint.factors_follow
    if not calls and not computed and not scaled:
        return result
    smaller = cut(model, graph, keep) if computed or scaled else None
    shares = shares_left(graph, kept)
    return _CallByCall(result, calls, computed, smaller, staying, shares, program)


class _CallByCall(nn.Module):
    """Runs a network call by call; some see the kept channels alone, or a cut network's weight.

    `smaller` is that network, where a weight or a number is to be seen in it; `shares` is what it
    keeps of each group.
    """

    def __init__(
        self,
        model: nn.Module,
        calls: Sequence[KeptCall],
        computed: Sequence[ComputedWeight],
        smaller: nn.Module | None,
        staying: Mapping[int, Ints],
        shares: frozenset[float],
        program: Program | None,
    ) -> None:
        super().__init__()
        self.model = model
        self.smaller = smaller
        self._calls, self._computed = calls, computed
        self._staying, self._shares, self._program = staying, shares, program

    def forward(self, *arguments: Any, **keywords: Any) -> Any:
        program = self._program or export_program(self.model, arguments, keywords)
        calls = {(call.op, call.number): call for call in program.calls}
        instead: dict[fx.Node, Callable[[dict[str, Any]], Any]] = {}
        for kept in self._calls:
            call = _found(calls, kept.op, kept.number)
            instead[call.node] = partial(kept.compute, call, self._staying)
        weights, factors = self._seen_in_smaller(arguments, keywords)
        for scaling, number in followed(program, factors, self._shares):
            instead[scaling.node] = partial(_scaled_by, scaling, number)
        for made in self._computed:
            place = made.op, made.number
            call = _found(calls, *place)
            instead[call.node] = partial(made.compute, call, self._staying, weights[place])
        return program.run(tensors_of(self.model), arguments, keywords, instead)

    def _seen_in_smaller(
        self, arguments: Sequence[Any], keywords: Mapping[str, Any]
    ) -> tuple[dict[tuple[str, int], torch.Tensor], list[Factor]]:
        """What the cut network computes by itself: weights, and numbers that it scales by."""
        if self.smaller is None:
            return {}, []
        weights, factors = WeightsSeen(), FactorsSeen()
        with weights, factors:
            self.smaller(*arguments, **keywords)
        return weights.weights, factors.factors


def _found(calls: Mapping[tuple[str, int], Call], op: str, number: int) -> Call:
    """Raises ModelError where the network runs other calls than when it was traced."""
    if (op, number) not in calls:
        raise ModelError(
            f"the network runs fewer calls of {op} in this precision than when it was traced; "
            f"trace it in the precision it runs in"
        )
    return calls[op, number]


def _scaled_by(call: Call, number: float, arguments: dict[str, Any]) -> Any:
    return call.compute({**arguments, "other": number})
