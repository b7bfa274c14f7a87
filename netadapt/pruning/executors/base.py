"""Where the attempts of an iteration run: the protocol of executors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from netadapt.pruning.attempts import Attempt, Outcome


class Executor(Protocol):
    """Runs attempts: here, in processes, or on other machines.

    `run` is called once an iteration. An attempt is self-contained, so the order in which they
    run, and where, changes no figure. `close` is called once, at the end of the search.

    >>> class Backwards:
    ...     def run(self, attempts, started):
    ...         for attempt in reversed(attempts):
    ...             started(attempt)
    ...             yield attempt, attempt.run()
    ...     def close(self):
    ...         pass
    """

    def run(
        self, attempts: Sequence[Attempt], started: Callable[[Attempt], None]
    ) -> Iterator[tuple[Attempt, Outcome]]:
        """Each attempt with what it came to, as they end; `started` is told before each.

        Every attempt once: a search ends, naming the executor, where one is lost, comes twice or
        with the outcome of another.
        What the task or the network raises passes through.
        """
        ...

    def close(self) -> None:
        """Give back what it holds."""
        ...
