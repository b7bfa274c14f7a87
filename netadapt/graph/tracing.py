"""`trace`: from a network and an example input to its `LayerGraph`.

Here the room's steps follow each other: the calls, the walk over them, the layers, the groups, and
the trial cuts that prove these. What each step does stands in its own file.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import nn

import netadapt.graph.couplings  # noqa: F401  (fills the registry)
from netadapt.errors import ModelError
from netadapt.graph.extents import Channels
from netadapt.graph.flop_check import unseen_macs
from netadapt.graph.groups import Grouping, form_groups
from netadapt.graph.labels import Ints
from netadapt.graph.layer_graph import Blueprint, LayerGraph
from netadapt.graph.layer_reading import Kernels, read_kernels
from netadapt.graph.network_copy import copied, copy_fails
from netadapt.graph.operator_calls import Program, export_program
from netadapt.graph.running import ExampleInput, in_mode, split_inputs, twice
from netadapt.graph.settling import Settling
from netadapt.graph.stored_numbers import stored_numbers
from netadapt.graph.trial import Trial
from netadapt.graph.walk import Walk


def trace(model: nn.Module, example_input: ExampleInput, *, verify: bool = True) -> LayerGraph:
    """The layers of `model` with their shapes, and which of its channels are cut together.

    `example_input`: what the network takes, on its device: a tensor, a tuple of them, or a dict
    of keyword arguments, in the range that it meets where its code branches on values. The network
    is followed in evaluation mode and not changed. `verify` makes trial cuts of a copy with random
    weights, and freezes groups that the network's code counts on; leave it out only for a network
    that was traced before.

    Raises ModelError when the network's forward can't be followed.
    """
    program = _program(model, *split_inputs(example_input))
    walk = Walk(stored_numbers(model))
    walk.run(program)
    kernels = read_kernels(program, walk)
    assemble = partial(_assemble, model, program, walk, kernels)
    graph, grouping = assemble({}, {})
    if not verify:
        return graph
    trial = Trial(model, graph, example_input, program)
    training = partial(_training_program, model, example_input)
    settled = Settling(model, trial, grouping, assemble, training).settled()
    unseen = unseen_macs(model, settled, *split_inputs(example_input))
    settled.blueprint.unseen.update(unseen)
    return settled


def _program(model: nn.Module, arguments: tuple[Any, ...], keywords: Mapping[str, Any]) -> Program:
    """The calls of a copy: some networks keep what they compute (YOLO its anchors), which in an
    export is no number."""
    spare = copied(model)
    try:
        return export_program(spare, arguments, keywords)
    except ModelError:
        with in_mode(model, False), torch.no_grad():
            fault = _error_of(spare.eval(), arguments, keywords)
            if fault is not None and _error_of(model, arguments, keywords) is None:
                raise copy_fails(model, fault) from fault
        raise


def _training_program(model: nn.Module, example_input: ExampleInput) -> Program | None:
    """The calls in training mode, in which a network may have parts of its own: auxiliary heads,
    which read channels that a cut removes. None where they can't be followed."""
    arguments, keywords = split_inputs(twice(example_input))
    try:
        return export_program(copied(model), arguments, keywords, training=True)
    except ModelError:
        return None


def _error_of(
    model: nn.Module, arguments: tuple[Any, ...], keywords: Mapping[str, Any]
) -> BaseException | None:
    try:
        model(*copy.deepcopy(arguments), **copy.deepcopy(dict(keywords)))
    except (Exception, SystemExit) as error:
        return error
    return None


def _assemble(
    model: nn.Module,
    program: Program,
    walk: Walk,
    kernels: Kernels,
    frozen: Mapping[str, str],
    widths: Mapping[str, tuple[int, ...]],
) -> tuple[LayerGraph, Grouping]:
    tracked: list[Ints] = []
    for draft in kernels.drafts:
        tracked += _labels(draft.entering, draft.leaving, draft.groups)
    for item in kernels.lost:
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
            kernels,
            shapes,
            learnable,
            program.unreached,
        ),
        tuple(group.full_width for group in grouping.groups),
    )
    return graph, grouping


def _labels(*numbers: Channels) -> list[Ints]:
    return [labels for labels in numbers if not isinstance(labels, int)]
