"""Calls whose result depends on how many channels there are: a mean over them, a softmax.

A cut network takes them over the channels that are left. The walk finds such calls (`OverKept`);
here is how one is computed in a network of full width, over the channels that a cut would keep.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from netadapt.graph.labels import Ints

if TYPE_CHECKING:
    from netadapt.graph.groups import Grouping
    from netadapt.graph.operator_calls import Call

Staying = Mapping[int, Ints]
"""{index of a group: the units of it that stay}, of those that are cut."""


@dataclass(frozen=True, eq=False)
class OverKept:
    """A call over channels, as the walk finds it. Axes count from the front."""

    call: Call
    operands: Mapping[str, tuple[int, Ints]]
    """{argument: (axis of its channels, their labels)}; 'tensors 1' is one in a list."""
    result: tuple[int, Ints] | None = None
    """The same of what comes out; None where no channels do."""
    sizes: Mapping[str, tuple[int, Ints]] = field(default_factory=dict)
    """{argument that is a list of numbers: (which of them counts channels, their labels)}."""


@dataclass(frozen=True, eq=False)
class Members:
    """Positions along an axis: the group of each (−1: of none), and its unit there."""

    axis: int
    groups: Ints
    units: Ints

    def staying(self, staying: Staying) -> Ints:
        """The positions that stay, ascending."""
        stay = np.ones(len(self.groups), dtype=bool)
        for group, units in staying.items():
            mine = self.groups == group
            stay[mine] = np.isin(self.units[mine], units)
        return np.flatnonzero(stay)

    def cut_by(self, staying: Staying) -> bool:
        """Whether some position goes."""
        return bool(np.isin(self.groups, list(staying)).any())

    def select(self, full: torch.Tensor, staying: Staying) -> torch.Tensor:
        """The positions of `full` that stay."""
        return full.index_select(self.axis, self._places(full, staying))

    def spread(self, kept: torch.Tensor, staying: Staying) -> torch.Tensor:
        """`kept`, which has the positions that stay, in full shape: zero where others go."""
        shape = list(kept.shape)
        shape[self.axis] = len(self.groups)
        places = self._places(kept, staying)
        return kept.new_zeros(shape).index_copy_(self.axis, places, kept)

    def _places(self, beside: torch.Tensor, staying: Staying) -> torch.Tensor:
        return torch.from_numpy(self.staying(staying)).to(beside.device)


@dataclass(frozen=True, eq=False)
class KeptCall:
    """As `OverKept`, for any cut of the groups that were found in the end."""

    op: str
    number: int
    """Of the call, among those of its operator: in another precision, others may lie between."""
    operands: Mapping[str, Members]
    result: Members | None
    sizes: Mapping[str, Members]

    @classmethod
    def of(cls, found: OverKept, grouping: Grouping) -> KeptCall:
        """`found` with the groups that its labels ended in."""

        def members(place: tuple[int, Ints]) -> Members:
            return Members(place[0], *grouping.units(place[1]))

        return cls(
            found.call.op,
            found.call.number,
            {name: members(place) for name, place in found.operands.items()},
            None if found.result is None else members(found.result),
            {name: members(place) for name, place in found.sizes.items()},
        )

    def cut_by(self, staying: Staying) -> bool:
        """Whether the call has other channels in such a cut."""
        return any(members.cut_by(staying) for members in self.operands.values())

    def compute(self, call: Call, staying: Staying, arguments: dict[str, Any]) -> Any:
        """The call's result over the channels that stay; in full shape, zero where they go."""
        given = dict(arguments)
        for name, members in self.operands.items():
            argument, _, place = name.partition(" ")
            if place:
                tensors = given[argument] = list(given[argument])
                tensors[int(place)] = members.select(tensors[int(place)], staying)
            elif given[argument] is not None:  # a norm may have no weight, or no bias
                given[argument] = members.select(given[argument], staying)
        for name, members in self.sizes.items():
            numbers = list(given[name])
            numbers[members.axis] = len(members.staying(staying))
            given[name] = numbers
        outcome = call.compute(given)
        return outcome if self.result is None else self.result.spread(outcome, staying)
