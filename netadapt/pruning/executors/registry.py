"""The executors that have names; `netadapt.pruning.executors.base` says what one is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from netadapt.registry import Registry

if TYPE_CHECKING:
    from netadapt.pruning.executors.base import Executor

EXECUTORS: Registry[Callable[[], Executor]] = Registry(
    "executor",
    {"local": "netadapt.pruning.executors.local:LocalExecutor"},
    group="netadapt.executors",
)

register_executor = EXECUTORS.register
"""Public as `netadapt.register_executor`: `register_executor(name, thing)`."""
