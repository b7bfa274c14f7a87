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
from netadapt.users_code import users_code


def call_named(name: str, what: str, error: type[InputError]) -> Any:
    """What the function 'package.module:function' returns; `what` it makes is said in errors.

    The folder where the command is run is searched too, as with `python -m`. Raises `error` when
    there is no such module or function, or when it fails.
    """
    module = module_of(name, what, error)
    function_name = name.partition(":")[2]
    with users_code(f"{name}()", error):
        function = getattr(module, function_name, None)
        if not callable(function):
            raise error(f"module '{module.__name__}' has no function '{function_name}'")
        return function()


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
    with users_code(f"importing {module_name} for the {what} '{name}'", error):
        try:
            return importlib.import_module(module_name)
        except ModuleNotFoundError as failure:
            if not f"{module_name}.".startswith(f"{failure.name}."):
                raise  # it is there; what it imports isn't
            raise error(
                f"cannot import '{module_name}' for the {what} '{name}': {failure}; run the "
                f"command in the folder that holds it, or install it"
            ) from failure
