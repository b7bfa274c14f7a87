"""Calls a function of the user's by its name, 'package.module:function'.

Networks and tasks of one's own are given so; what comes back is checked by who asked.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from netadapt.errors import InputError


def call_named(name: str, what: str, error: type[InputError]) -> Any:
    """What the function 'package.module:function' returns; `what` it makes is said in errors.

    The folder where the command is run is searched too, as with `python -m`. Raises `error` when
    there is no such module or function, or when it fails.
    """
    module = module_of(name, what, error)
    function_name = name.partition(":")[2]
    function = getattr(module, function_name, None)
    if not callable(function):
        raise error(f"module '{module.__name__}' has no function '{function_name}'")
    try:
        return function()
    except Exception as failure:
        raise error(f"{name}() failed: {type(failure).__name__}: {failure}") from failure


def module_of(name: str, what: str, error: type[InputError]) -> ModuleType:
    """The module of 'package.module:function', imported: what it registers is known then.

    Raises `error` when there is no such module, or importing it fails.
    """
    module_name, _, function_name = name.partition(":")
    if not module_name or not function_name.isidentifier():
        raise error(f"{what} is '{name}', expected package.module:function")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    try:
        return importlib.import_module(module_name)
    except ImportError as failure:
        raise error(
            f"cannot import '{module_name}' for the {what} '{name}': {failure}; run the command "
            f"in the folder that holds it, or install it"
        ) from failure
    except Exception as failure:  # whatever a user's module raises is shown as its failure
        raise error(
            f"importing {module_name} for the {what} '{name}' failed: "
            f"{type(failure).__name__}: {failure}"
        ) from failure
