"""What a search works with, from names or objects: strategy, importance, executor, callbacks.

What lacks a member of its protocol is refused here, before anything is computed; what they do with
a search is said where their protocols are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from netadapt.errors import InputError
from netadapt.pruning.callbacks import Callback, Callbacks
from netadapt.pruning.executors.base import Executor, Workplace
from netadapt.pruning.executors.registry import EXECUTORS, executor_for
from netadapt.pruning.importance.base import Importance
from netadapt.pruning.importance.registry import IMPORTANCES
from netadapt.pruning.settings import SearchSettings
from netadapt.pruning.strategies.base import Strategy
from netadapt.pruning.strategies.registry import STRATEGIES
from netadapt.registry import Registry, require_members
from netadapt.training.settings import require_number
from netadapt.users_code import users_code

T = TypeVar("T")


def open_deciding(
    strategy: str | Strategy, importance: str | Importance | None, settings: Mapping[str, Any]
) -> tuple[Strategy, Importance, SearchSettings]:
    """What proposes and chooses, what ranks units, and all settings: `settings` and their names.

    An importance or a setting that isn't given is what goes with the strategy.
    """
    deciding = _of(STRATEGIES, strategy, "propose", "choose")
    names = {
        "strategy": _name_of(strategy),
        "importance": None if importance is None else _name_of(importance),
    }
    chosen = SearchSettings().changed({**settings, **names})
    chosen = chosen.with_defaults(_defaults_of(deciding, chosen.strategy))
    named = str(chosen.importance)
    ranking = _of(IMPORTANCES, named if importance is None else importance, "__call__")
    return deciding, ranking, chosen


def open_executor(
    executor: str | Executor | None, workers: int | None, ray: str | None
) -> Executor:
    """Where candidates are tried; None is what `workers` and `ray` say."""
    if workers is not None:
        require_number("the number of workers is", workers, whole=True)
        if workers < 1:
            raise InputError(f"the number of workers is {workers}; expected 1 or more")
    if ray is not None and (not isinstance(ray, str) or not ray):
        raise InputError(f"ray is {ray!r}; expected 'local' or a cluster's address")
    executor = executor_for(workers, ray) if executor is None else executor
    runner = EXECUTORS[executor]() if isinstance(executor, str) else executor
    _require(runner, "executor", "run", "close")
    return runner


def require_workplace(runner: Executor, workplace: Workplace) -> None:
    """Raise InputError where the executor can't work as is asked."""
    check, prepare = (getattr(runner, name, None) for name in ("check", "prepare"))
    if callable(check):
        check(workplace)
    asks = workplace.workers is not None or workplace.address is not None
    if asks and not callable(prepare):
        raise InputError(
            f"the executor {type(runner).__name__} has no workers to choose (it has no method "
            f"prepare); leave workers and ray out, or take the executor 'processes' or 'ray'"
        )


def open_callbacks(callbacks: Iterable[Callback] | Callback) -> Callback:
    """All of them as one."""
    several = tuple(callbacks) if isinstance(callbacks, Iterable) else (callbacks,)
    for told in several:
        require_object("callback", told, Callback)
    return Callbacks(several)


def require_object(kind: str, thing: Any, expected: type) -> None:
    """Raise InputError, which names the `kind`, where `thing` is no object of `expected`."""
    if not isinstance(thing, expected):
        found = f"the class {thing.__name__}" if isinstance(thing, type) else type(thing).__name__
        raise InputError(f"the {kind} is {found}; expected an object of {expected.__name__}")


def _of(registry: Registry[T], given: str | T, *members: str) -> T:
    """The thing of a name, or an object. Raises InputError where it lacks one of `members`."""
    thing = registry[given] if isinstance(given, str) else given
    _require(thing, registry.kind, *members)
    return thing


def _require(thing: Any, kind: str, *members: str) -> None:
    require_members(thing, f"the {kind}", f"netadapt.{kind.capitalize()}", members)


def _name_of(thing: Any) -> str:
    """For run.json: the name it goes by, or says of itself; else where its code is."""
    if isinstance(thing, str):
        return thing
    if name := getattr(thing, "name", None):
        return str(name)
    code = thing if hasattr(thing, "__qualname__") else type(thing)
    return f"{code.__module__}:{code.__qualname__}"


def _defaults_of(strategy: Strategy, name: str) -> Any:
    """What the strategy says that goes with it; it needn't."""
    with users_code(f"defaults of the strategy {name}"):
        return getattr(strategy, "defaults", {})
