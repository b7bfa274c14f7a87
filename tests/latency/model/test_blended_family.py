"""How much own rows count beside what other boards teach."""

from __future__ import annotations

import numpy as np
import pytest

from netadapt.latency.model.blended_family import own_share


@pytest.mark.parametrize(
    ("rows", "own", "taught", "share"),
    [
        (7, 0.01, 0.5, 0.0),  # too few to be left out of
        (10, 0.1, 0.1, 0.125),
        (10, 0.1, 0.5, 0.2404),  # few rows flatter themselves
        (15, 0.1, 0.21, 1.0),  # clearly better
        (15, 0.1, 0.1, 0.1667),
        (29, 0.1, 0.1, 0.2458),
        (30, 0.1, 0.091, 1.0),  # the others teach nothing
        (30, 0.2, 0.1, 0.1),
        (150, 0.2, 0.1, 1.0),  # enough
    ],
)
def test_each_counts_by_its_worth(rows: int, own: float, taught: float, share: float) -> None:
    found = own_share(np.full(rows, own), np.full(rows, taught))
    assert found == pytest.approx(share, abs=1e-4)
