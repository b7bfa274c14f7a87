"""The strategies that have names; `netadapt.pruning.strategies.base` says what one is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netadapt.registry import Registry

if TYPE_CHECKING:
    from netadapt.pruning.strategies.base import Strategy

STRATEGIES: Registry[Strategy] = Registry(
    "strategy",
    {"full": "netadapt.pruning.strategies.full:FULL"},
    group="netadapt.strategies",
)

register_strategy = STRATEGIES.register
"""Public as `netadapt.register_strategy`: `register_strategy(name, thing)`."""
