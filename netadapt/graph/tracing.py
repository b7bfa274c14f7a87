"""`trace`: from a network and an example input to its `LayerGraph`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from torch import nn

import netadapt.graph.couplings  # noqa: F401  (fills the registry)
from netadapt.graph.extents import Channels
from netadapt.graph.groups import Grouping, form_groups
from netadapt.graph.labels import Ints
from netadapt.graph.layer_graph import Blueprint, LayerGraph
from netadapt.graph.layer_reading import Draft, Lost, read_kernels
from netadapt.graph.operator_calls import ExampleInput, Program, export_program, export_training
from netadapt.graph.proving import verdict
from netadapt.graph.trial import Trial
from netadapt.graph.walk import Walk

MOST_ROUNDS = 4
"""How often trial cuts are made anew after groups were frozen, limited or joined."""
EQUALLY_WIDE = "equally wide, as the network's code has it"
BESIDE_OTHERS = "the network's code counts on its width beside that of others"


def trace(model: nn.Module, example_input: ExampleInput, *, verify: bool = True) -> LayerGraph:
    """The layers of `model` with their shapes, and which of its channels are cut together.

    `example_input`: what the network takes, on its device: a tensor, a tuple of them, or a dict
    of keyword arguments; its values don't matter. The network is followed in evaluation mode and
    not changed. `verify` makes trial cuts of a copy with random weights, and freezes groups that
    the network's code counts on; leave it out only for a network that was traced before.

    Raises ModelError when the network's forward can't be followed.
    """
    program = export_program(model, example_input)
    walk = Walk()
    walk.run(program)
    if program.unreached and (training := export_training(model, example_input)) is not None:
        walk.run(training)  # auxiliary heads are cut with what they read
    drafts, lost = read_kernels(program, walk)
    assemble = partial(_assemble, model, program, walk, drafts, lost)
    graph, grouping = assemble({}, {})
    return _proved(Trial(model, graph, example_input), grouping, assemble) if verify else graph


Assemble = Callable[[Mapping[str, str], Mapping[str, tuple[int, ...]]], tuple[LayerGraph, Grouping]]


def _proved(trial: Trial, grouping: Grouping, assemble: Assemble) -> LayerGraph:
    """The graph of those groups, and those widths of them, that hold in trial cuts."""
    first = grouping
    frozen: dict[str, str] = {}
    widths: dict[str, tuple[int, ...]] = {}
    for round in range(MOST_ROUNDS):
        found = verdict(trial, seed=round)
        if not (found.frozen or found.widths or found.together):
            break
        for names in found.together:
            grouping.unify(names, EQUALLY_WIDE)
        frozen |= found.frozen
        # What works alone and still fails beside others, later on, is left whole.
        frozen |= {name: BESIDE_OTHERS for name in found.widths if name in widths}
        widths |= found.widths
        graph, grouping = assemble(frozen, widths)
        trial = trial.at(graph)
    trial.graph.blueprint.parts = grouping.parts(first)
    return trial.graph


def _assemble(
    model: nn.Module,
    program: Program,
    walk: Walk,
    drafts: list[Draft],
    lost: list[Lost],
    frozen: Mapping[str, str],
    widths: Mapping[str, tuple[int, ...]],
) -> tuple[LayerGraph, Grouping]:
    tracked: list[Ints] = []
    for draft in drafts:
        tracked += _labels(draft.entering, draft.leaving, draft.groups)
    for item in lost:
        tracked += _labels(item.entering, item.leaving, item.groups)
    grouping = form_groups(walk, tracked, frozen, widths)
    learnable = [name for name, _ in model.named_parameters()]
    shapes = {name: tuple(tensor.shape) for name, tensor in model.named_parameters()}
    shapes |= {name: tuple(tensor.shape) for name, tensor in model.named_buffers()}
    graph = LayerGraph(
        Blueprint(
            type(model).__name__,
            program.input_shapes,
            grouping,
            drafts,
            lost,
            shapes,
            learnable,
            program.unreached,
        ),
        tuple(group.full_width for group in grouping.groups),
    )
    return graph, grouping


def _labels(*numbers: Channels) -> list[Ints]:
    return [labels for labels in numbers if not isinstance(labels, int)]
