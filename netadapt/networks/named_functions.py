"""Calls a function of the user's by its name, 'package.module:function'.

Networks and tasks of one's own are given so; what comes back is checked by who asked. Whether a
name that a folder gives may be called is said in `trusted_functions.py`.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import sysconfig
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, ModuleType
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
        if isinstance(function, (type, BuiltinFunctionType, FunctionType)):
            refuse_pythons_own(str(function.__module__), name, what, error)
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
    refuse_pythons_own(module_name, name, what, error)
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


def refuse_pythons_own(module: str, name: str, what: str, error: type[InputError]) -> None:
    """Raise `error` for a module of Python's own library: os:abort ends the program unheard.

    A file of the user's that is called as one of those, and found before it, is theirs.
    """
    top = module.partition(".")[0]
    if top not in sys.stdlib_module_names:
        return
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        spec = None
    origin = None if spec is None else spec.origin
    if origin is None or not Path(origin).is_absolute() or _is_of_the_library(Path(origin)):
        raise error(
            f"the {what} is '{name}', and {top} is of Python's own library, where none is made; "
            f"name a function of yours, package.module:function"
        )


def _is_of_the_library(file: Path) -> bool:
    library = Path(sysconfig.get_path("stdlib")).resolve()
    inside = file.resolve()
    return inside.is_relative_to(library) and "site-packages" not in inside.parts
