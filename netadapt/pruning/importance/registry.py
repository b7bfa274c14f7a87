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
        "taylor": "netadapt.pruning.importance.taylor:TAYLOR",
        "bn-scale": "netadapt.pruning.importance.norm_scale:norm_scale",
    },
    group="netadapt.importances",
)


def register_importance(name: str, importance: Importance, *, module: str = "") -> Importance:
    """Know an importance by `name`; gives it back.

    `importance` is a function as `netadapt.Importance` describes it, or an object that is called
    like one. Raises InputError where the name is taken.

        netadapt.register_importance("first", first)

    `module`: `__name__`, where an installed package declares this very name as an entry point.
    """
    return IMPORTANCES.register(name, importance, module=module)
