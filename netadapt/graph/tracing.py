"""`trace`: from a network and an example input to its `LayerGraph`."""

from __future__ import annotations

from torch import nn

import netadapt.graph.couplings  # noqa: F401  (fills the registry)
from netadapt.graph.extents import Channels
from netadapt.graph.groups import form_groups
from netadapt.graph.labels import Ints
from netadapt.graph.layer_graph import Blueprint, LayerGraph
from netadapt.graph.layer_reading import Draft, Lost, read_kernels
from netadapt.graph.operator_calls import ExampleInput, Program, export_program
from netadapt.graph.trial import failing_groups
from netadapt.graph.walk import Walk


def trace(model: nn.Module, example_input: ExampleInput, *, verify: bool = True) -> LayerGraph:
    """The layers of `model` with their shapes, and which of its channels are cut together.

    `example_input`: what the network takes, on its device: a tensor, a tuple of them, or a dict
    of keyword arguments; its values don't matter. The network is followed in evaluation mode and
    not changed. `verify` makes a trial cut (two forward passes) and freezes groups that the
    network's code counts on; leave it out only for a network that was traced before.

    Raises ModelError when the network's forward can't be followed.
    """
    program = export_program(model, example_input)
    walk = Walk()
    walk.run(program)
    drafts, lost = read_kernels(program, walk)
    graph = _assemble(model, program, walk, drafts, lost, {})
    if verify:
        frozen = failing_groups(model, graph, example_input)
        if frozen:
            graph = _assemble(model, program, walk, drafts, lost, frozen)
    return graph


def _assemble(
    model: nn.Module,
    program: Program,
    walk: Walk,
    drafts: list[Draft],
    lost: list[Lost],
    frozen: dict[str, str],
) -> LayerGraph:
    tracked: list[Ints] = []
    for draft in drafts:
        tracked += _labels(draft.entering, draft.leaving, draft.groups)
    for item in lost:
        tracked += _labels(item.entering, item.leaving, item.groups)
    grouping = form_groups(walk, tracked, frozen)
    learnable = [name for name, _ in model.named_parameters()]
    shapes = {name: tuple(tensor.shape) for name, tensor in model.named_parameters()}
    shapes |= {name: tuple(tensor.shape) for name, tensor in model.named_buffers()}
    return LayerGraph(
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


def _labels(*numbers: Channels) -> list[Ints]:
    return [labels for labels in numbers if not isinstance(labels, int)]
