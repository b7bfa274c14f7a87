"""Layers whose weight the code computes from parameters: weight norm, weight standardisation.

A parameter of the weight's own shape is cut as the weight would be, and those with one entry a
channel beside it. What the code makes of a cut parameter is the cut network's affair: where a
proof needs the weight in full shape, it is taken from there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import torch
from torch import fx
from torch.overrides import TorchFunctionMode

from netadapt.graph.kept_calls import Members, Staying

if TYPE_CHECKING:
    from netadapt.graph.groups import Grouping
    from netadapt.graph.operator_calls import Call, Program, Shape
    from netadapt.graph.walk import Walk

LAYERS = frozenset(
    (
        *("conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d"),
        *("conv_transpose3d", "linear"),
    )
)
"""Operators that end channels and make others by a weight."""


@dataclass(frozen=True)
class Recipe:
    """What a weight is computed from: parameters, and the nodes that do it."""

    parameters: tuple[fx.Node, ...]
    steps: tuple[fx.Node, ...]


def recipes(program: Program) -> dict[fx.Node, Recipe]:
    """The computed weights of `program`'s layers, of those that hang on no input."""
    found = {}
    for call in program.calls:
        weight = call.arguments.get("weight")
        if call.op in LAYERS and isinstance(weight, fx.Node) and weight not in program.parameters:
            recipe = _recipe(program, weight)
            if recipe is not None:
                found[weight] = recipe
    return found


def _recipe(program: Program, weight: fx.Node) -> Recipe | None:
    parameters: dict[fx.Node, None] = {}
    steps: dict[fx.Node, None] = {}
    left = [weight]
    while left:
        node = left.pop()
        if node in program.parameters:
            parameters[node] = None
        elif node in program.inputs:
            if node not in program.constants:
                return None
        elif node not in steps:
            steps[node] = None
            left += node.all_input_nodes
    inside = all(user in steps for node in steps if node is not weight for user in node.users)
    return Recipe(tuple(parameters), tuple(steps)) if inside and parameters else None


@dataclass(frozen=True, eq=False)
class ComputedWeight:
    """A layer's call whose weight is computed, and the channels along the weight's axes."""

    op: str
    number: int
    axes: tuple[Members, ...]

    @classmethod
    def of(cls, call: Call, stand_in: str, grouping: Grouping) -> ComputedWeight:
        """`stand_in`: the parameter that is cut as the weight is."""
        axes = grouping.walk.axes
        members = [
            Members(axis, *grouping.units(axes[name, axis].labels))
            for name, axis in axes
            if name == stand_in
        ]
        return cls(call.op, call.number, tuple(members))

    def cut_by(self, staying: Staying) -> bool:
        """Whether the weight has another shape in such a cut."""
        return any(members.cut_by(staying) for members in self.axes)

    def compute(
        self, call: Call, staying: Staying, weight: torch.Tensor, arguments: dict[str, Any]
    ) -> Any:
        """The call's result with a cut network's `weight`, spread to full shape."""
        for members in self.axes:
            weight = members.spread(weight, staying)
        return call.compute({**arguments, "weight": weight})


class WeightsSeen(TorchFunctionMode):
    """Keeps the weight of every layer that runs: {(operator, how many ran before): weight}."""

    def __init__(self) -> None:
        super().__init__()
        self.weights: dict[tuple[str, int], torch.Tensor] = {}
        self._counts: dict[str, int] = {}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(func, "__name__", "")
        if name in LAYERS:
            number = self._counts.get(name, 0)
            self._counts[name] = number + 1
            weight = args[1] if len(args) > 1 else (kwargs or {})["weight"]
            self.weights[name, number] = weight
        return func(*args, **(kwargs or {}))


def tie_beside(walk: Walk, shapes: Mapping[str, Shape], stand_in: str, out: int) -> bool:
    """Cut what else a weight is computed from as the stand-in for it is cut.

    `shapes`: {parameter: its shape}; `out`: the axis of the channels that are made. Gives False,
    and ties nothing, for a parameter that has neither the weight's shape nor one entry a channel.
    """
    places = dict(_places(walk, shapes, stand_in, out))
    if None in places.values():
        return False
    for name, ties in places.items():
        for axis, role, labels in ties or ():
            walk.tie_name(name, shapes[name], axis, role, labels)
    return True


def _places(
    walk: Walk, shapes: Mapping[str, Shape], stand_in: str, out: int
) -> Iterator[tuple[str, list[tuple[int, str, Any]] | None]]:
    """Where each parameter has channels: (axis, role, labels); None where that is not known."""
    shape = shapes[stand_in]
    mine = {axis: walk.axes[name, axis] for name, axis in walk.axes if name == stand_in}
    made = mine[out].labels
    others = [axis for axis in mine if axis != out]
    read = mine[others[0]].labels if others else None
    each = prod(size for axis, size in enumerate(shape) if axis not in mine)
    for name, own in shapes.items():
        long = [axis for axis, size in enumerate(own) if size > 1]
        if name == stand_in or not long:
            continue
        if own == shape:
            yield name, [(axis, use.role, use.labels) for axis, use in mine.items()]
        elif len(long) > 1:
            yield name, None
        elif own[long[0]] == len(made):
            yield name, [(long[0], "per_channel", made)]
        elif read is not None and own[long[0]] == len(read) * each:
            yield name, [(long[0], "per_channel", read.repeat(each))]
        elif read is None and own[long[0]] == each:
            yield name, []  # a depthwise filter's places
        else:
            yield name, None
