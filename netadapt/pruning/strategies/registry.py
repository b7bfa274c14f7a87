"""The strategies that have names; `netadapt.pruning.strategies.base` says what one is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netadapt.registry import Registry

if TYPE_CHECKING:
    from netadapt.pruning.strategies.base import Strategy

STRATEGIES: Registry[Strategy] = Registry(
    "strategy",
    {
        "full": "netadapt.pruning.strategies.full:FULL",
        "racing": "netadapt.pruning.strategies.racing:RACING",
        "saliency": "netadapt.pruning.strategies.saliency:SALIENCY",
        "uniform": "netadapt.pruning.strategies.uniform:UNIFORM",
        "random": "netadapt.pruning.strategies.random_cut:RANDOM",
    },
    group="netadapt.strategies",
)


def register_strategy(name: str, strategy: Strategy, *, module: str = "") -> Strategy:
    """Know a strategy by `name`; gives it back.

    `strategy` is an object of the protocol `netadapt.Strategy`, not its class. Raises InputError
    where the name is taken.

        netadapt.register_strategy("cheapest", Cheapest())

    `module`: `__name__`, where an installed package declares this very name as an entry point.
    """
    return STRATEGIES.register(name, strategy, module=module)
