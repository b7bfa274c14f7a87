"""The table of the tiny network, and what the network takes by it."""

from __future__ import annotations

import pytest
import tiny

from netadapt.graph import trace
from netadapt.latency.model.estimator import LatencyEstimator
from netadapt.latency.table.table import LookupTable


@pytest.fixture(scope="session")
def table(tmp_path_factory) -> str:
    return str(tiny.write_table(tmp_path_factory.mktemp("tables") / "tiny.csv"))


@pytest.fixture(scope="session")
def full_ms(table) -> float:
    return LatencyEstimator(LookupTable.read(table)).network(trace(tiny.network(), tiny.EXAMPLE)).ms
