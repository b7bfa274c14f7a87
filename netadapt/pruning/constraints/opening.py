"""From what a budget says to open constraints: tables are read, devices reached, parts resolved."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from netadapt.errors import InputError
from netadapt.graph import LayerGraph
from netadapt.latency.devices.profile import DeviceProfile
from netadapt.latency.measure.on_demand import OnDemand
from netadapt.latency.model.estimator import LatencyEstimator
from netadapt.latency.table.table import LookupTable
from netadapt.pruning.constraints.amounts import Amount
from netadapt.pruning.constraints.base import Constraint
from netadapt.pruning.constraints.budgets import Budgets, identity_key
from netadapt.pruning.constraints.device_latency import DeviceLatency
from netadapt.pruning.constraints.registry import (
    CONSTRAINTS,
    Budget,
    devices_of,
    label_of,
    read_budget,
)
from netadapt.pruning.constraints.trusted import cost_of, require_constraint

Measuring = Callable[[DeviceProfile, LookupTable], OnDemand]
"""Opens the way to a device, for the rows that its table lacks."""


@dataclass(frozen=True)
class Asked:
    """What there may be of each constraint, by its name, as the user said it.

    `makers` are of those that are no device's.
    """

    amounts: Mapping[str, Amount]
    makers: Mapping[str, Callable[[float], Constraint]] = field(default_factory=dict)

    @property
    def relative(self) -> dict[str, float | str]:
        """For run.json: what was said of parts of what the network takes."""
        return {name: a.asked for name, a in self.amounts.items() if a.relative}

    def resolved(
        self,
        budgets: Budgets,
        graph: LayerGraph,
        known: Mapping[str, tuple[float | str, float]],
        say: Callable[[str], None],
    ) -> Budgets:
        """`budgets` with numbers in the place of parts of what `graph`, the network given, costs.

        `known` is what a run that is resumed was asked, and how much that was: it stays so.
        """
        constraints = []
        for constraint in budgets.constraints:
            name, amount = constraint.name, self.amounts[constraint.name]
            if amount.relative:
                asked, most = known.get(name, (None, 0.0))
                if asked != amount.asked:
                    cost = cost_of(constraint, graph)
                    most = amount.of(cost)
                    say(
                        f"{name}: {amount.asked} of {cost:.4g} {constraint.unit} is a budget of "
                        f"{most:.4g} {constraint.unit}"
                    )
                constraint = self._with_budget(constraint, most)
            constraints.append(constraint)
        return replace(budgets, constraints=tuple(constraints))

    def _with_budget(self, constraint: Constraint, most: float) -> Constraint:
        if isinstance(constraint, DeviceLatency):
            return replace(constraint, budget=most)
        return require_constraint(self.makers[constraint.name](most))


def open_budgets(
    budget: Budget,
    profiles: Sequence[DeviceProfile],
    identity: Mapping[str, Any],
    measuring: Measuring,
) -> tuple[Budgets, Asked]:
    """The constraints of `budget`; a relative one has a budget of 1 until it is resolved.

    `profiles` are of the devices that are measured on demand, `identity` is that of a run that is
    resumed. Raises InputError for a profile of another device, TableError without a table.
    """
    if not isinstance(budget, Mapping):
        own = require_constraint(budget)
        return Budgets((own,)), Asked({own.name: Amount(own.budget, False, own.budget)})
    amounts = read_budget(budget)
    profile_of = _profiles_by_device(profiles, devices_of(amounts))
    constraints: list[Constraint] = []
    makers: dict[str, Callable[[float], Constraint]] = {}
    for name, amount in amounts.items():
        most = 1.0 if amount.relative else amount.number
        if name in CONSTRAINTS:
            counted = require_constraint(CONSTRAINTS[name](most))
            makers[counted.name] = CONSTRAINTS[name]
            constraints.append(counted)
            continue
        table, profile = LookupTable.read(name), profile_of.get(name)
        demand = None if profile is None else measuring(profile, table)
        began = identity.get(identity_key("table_rows", name, len(amounts) > 1))
        constraints.append(DeviceLatency(name, most, LatencyEstimator.of(table), demand, began))
    names = [constraint.name for constraint in constraints]
    asked = Asked(dict(zip(names, amounts.values(), strict=True)), makers)
    return Budgets(tuple(constraints)), asked


def _profiles_by_device(
    profiles: Sequence[DeviceProfile], devices: Sequence[str]
) -> dict[str, DeviceProfile]:
    """Each profile by the name of its device in the budget; a single one is of a single device."""
    if len(profiles) == len(devices) == 1:
        return {devices[0]: profiles[0]}
    names = {label_of(device): device for device in devices}
    for profile in profiles:
        if profile.name not in names:
            raise InputError(
                f"{profile.name} is to be measured on, but no budget is on it; the budgets are on "
                f"{', '.join(names) or 'no device'}"
            )
    return {names[profile.name]: profile for profile in profiles}
