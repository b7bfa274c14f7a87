"""What a strategy would have tried, without trying it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from netadapt.pruning.attempts import Attempt, Outcome


class CountingExecutor:
    """Keeps the attempts it is given; each comes to `metrics`, as if nothing had been lost."""

    def __init__(self, metrics: Mapping[str, float]) -> None:
        self.attempts: list[Attempt] = []
        self._metrics = metrics

    def run(
        self, attempts: Sequence[Attempt], started: Callable[[Attempt], None]
    ) -> Iterator[tuple[Attempt, Outcome]]:
        for attempt in attempts:
            self.attempts.append(attempt)
            yield attempt, Outcome(attempt.ground.model, self._metrics, 0.0, of=attempt.proposal)

    def close(self) -> None:
        """Nothing is held."""
