"""Counts are shown in three digits, whatever their size."""

from __future__ import annotations

import pytest

from netadapt.large_numbers import in_three_digits


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0"),
        (9, "9"),
        (999, "999"),
        (1000, "1.00 k"),
        (4_819, "4.82 k"),
        (99_960, "100 k"),
        (100_000, "0.100 M"),
        (1_344_209, "1.34 M"),
        (25_557_032, "25.6 M"),
        (371_900_000, "0.372 G"),
        (1_819_000_000, "1.82 G"),
        (230_000_000_000, "0.230 T"),
    ],
)
def test_the_prefix_goes_by_size(count: int, shown: str) -> None:
    assert in_three_digits(count) == shown


def test_a_unit_stands_behind_its_prefix() -> None:
    assert in_three_digits(371_900_000, "MACs") == "0.372 GMACs"
    assert in_three_digits(740, "MACs") == "740 MACs"
