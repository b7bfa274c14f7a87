"""The NetAdapt loop: proposals, importance, selection, and the run's folder.

`netadapt.search` is this package and, called, the function `netadapt.search.prune.search`: the
public name and the room share a word, so the module itself answers the call.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any


class _CallableModule(ModuleType):
    """A package that is called like the function it is named after."""

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        from netadapt.search.prune import search

        return search(*arguments, **options)


sys.modules[__name__].__class__ = _CallableModule
