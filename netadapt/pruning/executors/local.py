"""Attempts one after another, in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from netadapt.pruning.attempts import Attempt, Outcome


class LocalExecutor:
    """Runs an attempt when its outcome is asked for, so that one network is held at a time."""

    def run(
        self, attempts: Sequence[Attempt], started: Callable[[Attempt], None]
    ) -> Iterator[tuple[Attempt, Outcome]]:
        for attempt in attempts:
            started(attempt)
            yield attempt, attempt.run()

    def close(self) -> None:
        """Nothing is held."""
