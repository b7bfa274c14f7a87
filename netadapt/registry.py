"""Things of one kind by their names: networks, operators, runtimes, strategies, importances, tasks.

A kind has one `Registry`. What the package ships is named by its home, 'package.module:attribute',
and imported when it is first asked for; what a user adds is registered beside its own code; and an
installed package offers things as entry points. Nobody else keeps a list of names. What is given
in the place of a thing with a name is held to the kind's protocol here too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar

from netadapt.errors import InputError
from netadapt.users_code import users_code

T = TypeVar("T")


def ships(thing: Any) -> bool:
    """Whether an object's class is the package's own, so that it keeps its protocol."""
    return type(thing).__module__.startswith("netadapt.")


class Registry(Generic[T]):
    """The things of one kind, such as 'runtime', by name.

    `homes` maps the names that ship to 'package.module:attribute'; `group` is that of the entry
    points which other packages declare; `error` is raised where a name is unknown or taken.

    >>> greetings: Registry[str] = Registry("greeting")
    >>> greetings.register("short", "hi")
    'hi'
    >>> greetings["short"]
    'hi'
    """

    def __init__(
        self,
        kind: str,
        homes: Mapping[str, str] | None = None,
        *,
        group: str = "",
        error: type[InputError] = InputError,
    ) -> None:
        self.kind = kind
        self.group = group
        self.error = error
        self._homes = dict(homes or {})
        self._known: dict[str, T] = {}
        self._entry_points: dict[str, EntryPoint] | None = None

    def register(self, name: str, thing: T, *, module: str = "") -> T:
        """Know `thing` by `name`; gives it back. Raises `error` where the name is taken.

        A package may declare as an entry point what its `module` registers when it is imported.
        """
        point = None if name in self._known else self._offered().get(name)
        if point is not None and point.module == module:
            self._known[name] = thing  # loading it would import the module that is here already
        if name in self and self[name] is not thing:
            article = "an" if self.kind[0] in "aeiou" else "a"
            raise self.error(
                f"there is {article} {self.kind} called '{name}' already; choose another name"
            )
        self._known[name] = thing
        return thing

    def __getitem__(self, name: str) -> T:
        """The thing of that name. Raises `error`, listing the names there are."""
        if name not in self._known:
            found = self._found(name)
            self._known.setdefault(name, found)  # importing it may have registered it
        return self._known[name]

    def _found(self, name: str) -> T:
        """What ships or is offered by that name, imported."""
        thing: T
        if name in self._homes:
            thing = _imported(self._homes[name])
            return thing
        offered = self._offered()
        if name in offered:
            return self._loaded(offered[name])
        raise self.error(
            f"there is no {self.kind} called '{name}'; choose one of "
            f"{', '.join(self.names()) or 'none'}"
        )

    def _loaded(self, point: EntryPoint) -> T:
        """What an entry point names; whatever another package raises is shown as its failure."""
        owner = f"the package {point.dist.name}" if point.dist else "an installed package"
        with users_code(
            f"{owner} offers the {self.kind} '{point.name}' ({point.value}), which",
            self.error,
            "mend that package or uninstall it",
        ):
            thing: T = point.load()
        return thing

    @contextmanager
    def temporarily(self, name: str, thing: T) -> Iterator[T]:
        """Know `thing` by `name` within the block, in place of what has the name, for tests."""
        before = dict(self._known)
        self._known[name] = thing
        try:
            yield thing
        finally:
            self._known.pop(name)
            if name in before:
                self._known[name] = before[name]

    def __contains__(self, name: object) -> bool:
        return name in self._known or name in self._homes or name in self._offered()

    def names(self) -> list[str]:
        """All names: those that ship in their order, then the others."""
        return list(dict.fromkeys((*self._homes, *self._known, *self._offered())))

    def added(self) -> dict[str, T]:
        """What was registered in this process: what another one can't find by itself."""
        return {
            name: thing
            for name, thing in self._known.items()
            if name not in self._homes and name not in self._offered()
        }

    def _offered(self) -> dict[str, EntryPoint]:
        """What installed packages declare for this kind; looked for once a process."""
        if self._entry_points is None:
            found: Iterable[EntryPoint] = entry_points(group=self.group) if self.group else ()
            self._entry_points = {point.name: point for point in found}
        return self._entry_points


def require_members(
    thing: Any, what: str, protocol: str, methods: Iterable[str], values: Iterable[str] = ()
) -> None:
    """Raise InputError, which calls it `what`, unless `thing` is an object with these members.

    `protocol` is the public name of what says how they must behave.
    """
    if isinstance(thing, type):
        raise InputError(f"{what} is the class {thing.__name__}; give an object of it")
    with users_code(f"a member of {what}"):
        missing = [name for name in values if not hasattr(thing, name)]
        missing += [name for name in methods if not callable(getattr(thing, name, None))]
    if missing:
        raise InputError(
            f"{what}, of the class {type(thing).__name__}, has no {', '.join(missing)}; "
            f"help({protocol}) tells what it must do"
        )


def _imported(home: str) -> Any:
    module, _, attribute = home.partition(":")
    return getattr(import_module(module), attribute)
