"""The importances that have names; `netadapt.pruning.importance.base` says what one is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netadapt.registry import Registry

if TYPE_CHECKING:
    from netadapt.pruning.importance.base import Importance

IMPORTANCES: Registry[Importance] = Registry(
    "importance",
    {
        "l2": "netadapt.pruning.importance.magnitude:L2",
        "l1": "netadapt.pruning.importance.magnitude:L1",
    },
    group="netadapt.importances",
)

register_importance = IMPORTANCES.register
"""Public as `netadapt.register_importance`: `register_importance(name, thing)`."""
