"""Settings of a search as options of a command: each is declared in `netadapt.pruning.settings`.

A command that is decorated here gets, as `settings`, what its options say; what an option is
called, its default and what it means is said there alone.
"""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Callable
from typing import Annotated, Any

import typer

from netadapt.pruning.settings import OPTIONS, SettingOption


def with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """`command` with an option for each of `OPTIONS`, which it gets as the dict `settings`."""
    signature = inspect.signature(command)
    hints = typing.get_type_hints(command, include_extras=True)
    own = [
        parameter.replace(annotation=hints[name])
        for name, parameter in signature.parameters.items()
        if name != "settings"
    ]
    made = [
        inspect.Parameter(
            option.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=option.default if option.parse is None else str(option.default),
            annotation=Annotated[
                option.kind if option.parse is None else str, typer.Option(help=option.help)
            ],
        )
        for option in OPTIONS
    ]

    @functools.wraps(command)
    def called(**given: Any) -> None:
        settings = {option.name: _value(option, given.pop(option.name)) for option in OPTIONS}
        command(**given, settings=settings)

    parameters = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]
    parameters += made
    called.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {p.name: p.annotation for p in parameters}
    del called.__wrapped__  # typer would read the command's own
    return called


def _value(option: SettingOption, given: Any) -> Any:
    return given if option.parse is None else option.parse(given)
