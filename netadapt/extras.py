"""Packages that only some commands need: imported late, with a word on what to install."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from netadapt.errors import MissingExtraError


def needed(module: str, extra: str) -> Any:
    """The module `module`, of a package that comes with netadapt's extra `extra`.

    Raises MissingExtraError, which names the extra, where the package isn't installed.
    """
    package = module.partition(".")[0]
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != package:
            raise  # the package is there; something that it needs isn't
        raise MissingExtraError.of(package, extra) from None
