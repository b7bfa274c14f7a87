"""Which of a group's units matter: the protocol of importances."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from netadapt.errors import InputError
from netadapt.graph import ChannelGroup, LayerGraph
from netadapt.training.task import Task
from netadapt.users_code import users_code


class Importance(Protocol):
    """Scores the units of every channel group; those of the highest scores stay.

    Called once a step with the network that is to be cut, its graph and the task; `seed` fixes
    what it draws. It leaves the network as it was. Nothing is kept between calls.

    >>> class First:
    ...     def __call__(self, model, graph, task, seed):
    ...         return {g.name: -torch.arange(g.width, dtype=torch.float64) for g in graph.groups}
    """

    def __call__(
        self, model: nn.Module, graph: LayerGraph, task: Task, seed: int
    ) -> Mapping[str, Tensor]:
        """The scores of each group that isn't frozen, by its name: `[width]`, larger is kept.

        A search ends, naming the importance, at any other shape and at scores that are NaN.
        """
        ...


def scores_by(
    importance: Importance, name: str, model: nn.Module, graph: LayerGraph, task: Task, seed: int
) -> Mapping[str, Tensor]:
    """The scores that `importance`, which goes by `name`, gives.

    Raises InputError, naming it, where it fails or gives anything else.
    """
    what = f"the importance {name}"
    with users_code(what):
        scores = importance(model, graph, task, seed)
    require_scores(scores, graph, what)
    return scores


def kept_units(scores: Tensor, width: int) -> list[int]:
    """The `width` units of the highest scores `[N]`, in their old order; ties keep the first."""
    order = torch.argsort(scores, descending=True, stable=True)
    return sorted(order[:width].tolist())


def free_groups(graph: LayerGraph) -> list[ChannelGroup]:
    """The groups that may be cut."""
    return [group for group in graph.groups if not group.frozen]


def require_scores(scores: Any, graph: LayerGraph, what: str) -> None:
    """Raise InputError, which says `what` gave them, unless `scores` are an importance's."""
    if not isinstance(scores, Mapping):
        raise InputError(f"{what} gave {type(scores).__name__}; expected {{group: scores}}")
    for group in free_groups(graph):
        found = scores.get(group.name)
        if not isinstance(found, Tensor) or found.shape != (group.width,):
            shape = list(found.shape) if isinstance(found, Tensor) else type(found).__name__
            raise InputError(
                f"{what} gave {shape} as the scores of group {group.name}; expected a tensor "
                f"[{group.width}]"
            )
        if found.is_complex():
            raise InputError(f"{what} gave group {group.name} complex scores; expected real ones")
        if bool(torch.isnan(found).any()):
            raise InputError(f"{what} gave group {group.name} scores that are NaN")
