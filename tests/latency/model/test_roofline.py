"""Prices of work and traffic, fitted to latencies."""

from __future__ import annotations

import numpy as np
import pytest

from netadapt.latency.model.roofline import fit_roofline


def test_prices_are_found_in_spite_of_an_outlier() -> None:
    random = np.random.default_rng(0)
    terms = np.column_stack([np.ones(40), random.uniform(0.1, 5, (40, 2))])
    latency = terms @ [0.02, 1.5, 0.3]
    latency[7] *= 3
    assert fit_roofline(terms, latency) == pytest.approx([0.02, 1.5, 0.3], rel=0.05)
