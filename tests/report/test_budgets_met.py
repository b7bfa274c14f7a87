"""Whether budgets are met, and how surely."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netadapt.pruning.constraints.confidence import upper_end
from netadapt.pruning.records import Interval, StepRecord
from netadapt.report.budgets_met import budgets_met, chance_within

LAST = StepRecord(
    iteration=3,
    latency=Interval(5.8, 5.4, 6.3),
    macs=400_000_000,
    params=1_500_000,
    checkpoint="iter_003",
)


def test_the_chance_is_what_the_interval_says() -> None:
    cost = Interval(6.0, 5.5, 6.6)
    assert chance_within(cost, 6.0) == pytest.approx(0.5)
    assert chance_within(cost, 6.6) == pytest.approx(0.95)  # a 90 % interval has 5 % above it
    assert chance_within(cost, upper_end(cost, 0.5)) == pytest.approx(0.75)
    assert chance_within(Interval(6, 6, 6), 6.0) == 1
    assert chance_within(Interval(6, 6, 6), 5.9) == 0


def test_a_budget_in_milliseconds_and_one_that_is_counted() -> None:
    latency, macs = budgets_met(
        {"budget": {"tx2": 6, "macs": 4e8}}, [replace(LAST, latencies={"tx2": LAST.latency})]
    )
    assert latency.met
    assert latency.words.startswith("met: 5.80 of 6 ms on tx2, within it with a probability of 75")
    assert macs.met
    assert macs.words == "met: 0.400 GMACs of 0.400 GMACs, counted and so certain"


def test_a_confidence_asks_for_the_upper_end() -> None:
    asked = {"budget": {"tables/tx2.csv": 6}, "settings": {"confidence": 0.9}}
    (budget,) = budgets_met(asked, [LAST])
    assert budget.name == "tx2"
    assert budget.need == 6.3
    assert budget.met is False
    assert "not met yet" in budget.words
    assert "confidence of 90%" in budget.words


def test_what_was_timed_counts() -> None:
    (budget,) = budgets_met({"budget": {"tx2": 6}}, [replace(LAST, measured_ms=6.96)])
    assert budget.met is False  # 20 % more than predicted
    assert budget.words.endswith("timed whole on the device at 6.96 ms")


def test_what_the_rows_don_t_tell() -> None:
    assert budgets_met({}, [LAST]) == []
    (budget,) = budgets_met({"budget": {"energy": 3}}, [replace(LAST, latency=None)])
    assert budget.met is None
    assert "don't say" in budget.words
