"""The bar of a search says what, how far and how long, before a proposal is through."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from netadapt.cli.search_progress import SearchProgress, Work
from netadapt.pruning.settings import SearchSettings
from netadapt.training.settings import FineTuning


class Shown:
    """A bar that keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []

    def add_task(self, what: str, **fields: Any) -> int:
        return 0

    def update(self, line: int, **fields: Any) -> None:
        self.lines.append(fields)

    @property
    def last(self) -> dict[str, Any]:
        return self.lines[-1]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The time, which goes on when it is told to."""
    now = SimpleNamespace(s=0.0)
    for name in ("time.perf_counter", "time.monotonic"):
        monkeypatch.setattr(name, lambda: now.s)
    return now


@pytest.fixture
def bar() -> Shown:
    return Shown()


@pytest.fixture
def progress(bar: Shown, clock: SimpleNamespace) -> SearchProgress:
    return SearchProgress(bar, quiet=True)  # type: ignore[arg-type]


REACH = SimpleNamespace(
    name="full", unit="ms", constraint="tx2", budget=6.0, macs=1, params=1,
    cost=SimpleNamespace(value=8.2, low=8.0, high=8.4),
)  # fmt: skip


def test_the_first_proposal_has_a_time_before_it_is_through(progress, bar, clock) -> None:
    settings = SearchSettings(short_term=FineTuning(steps=3, batch_size=8), proposal_images=32)
    work = Work.of(64, settings)
    assert (work.evaluated, work.proposal) == (64, 32 + 3 * 24)
    progress.opening("fastdepth and its data")
    assert bar.last["description"] == "opening fastdepth and its data"
    progress.expects(work)
    progress.table("tx2: published")
    assert "fitting the table" in bar.last["description"]
    progress.feasible([REACH], 6)
    assert bar.last["description"] == "evaluating the network given"
    clock.s += 64  # a second an image
    progress.iteration(1, 8.2, 7.8, 6)
    assert bar.last["description"] == "iteration 1: 8.2 → 7.8 ms, scoring channels"
    clock.s += 12
    progress.candidate("conv1 64 → 56", 0, 1)
    assert bar.last["description"] == "iteration 1: 8.2 → 7.8 ms, trying conv1 64 → 56"
    assert bar.last["left"] == "about 18 min left"  # 6 of 104 + 64 + 12 s
    assert (bar.last["completed"], bar.last["total"]) == (0, 6)


def test_the_bar_fills_by_iterations_and_proposals(progress, bar, clock) -> None:
    progress.feasible([REACH], 4)
    progress.iteration(1, 8.2, 7.8, 4)
    progress.candidate("a", 1, 4)
    assert (bar.last["completed"], bar.last["total"]) == (0.25, 4)
    progress.chosen(
        SimpleNamespace(
            record=SimpleNamespace(
                iteration=1,
                group="a",
                width_before=64,
                width_after=56,
                latency=None,
                latencies={},
                metrics={},
            )
        )
    )
    progress.iteration(2, 7.8, 7.4, 2)  # it saved more than it must
    assert (bar.last["completed"], bar.last["total"]) == (1, 3)


def test_rendering_says_how_long(progress, bar, clock) -> None:
    progress.rendering(0, 480)
    assert bar.last["left"] == ""
    clock.s += 30
    progress.rendering(120, 480)
    assert bar.last["description"] == "rendering rooms: 120 of 480"
    assert bar.last["left"] == "about 2 min left"
    progress.rendering(480, 480)
    assert bar.last["description"] == "opening the rooms"
