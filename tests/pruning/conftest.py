"""The table of the tiny network, what the network takes by it, and the command."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import tiny

from netadapt.graph import trace
from netadapt.latency.model.estimator import LatencyEstimator
from netadapt.latency.table.table import LookupTable
from tests.cli.command import Command, heard
from tests.traced_once import traced_once


@pytest.fixture(scope="module", autouse=True)
def _traced_once() -> Iterator[None]:
    yield from traced_once(tiny.TinyNet)


@pytest.fixture
def command(capsys) -> Command:
    """`netadapt ARGUMENTS…`; gives the exit code, what went to stdout and to stderr."""
    return heard(capsys)


@pytest.fixture(scope="session")
def table(tmp_path_factory) -> str:
    return str(tiny.write_table(tmp_path_factory.mktemp("tables") / "tiny.csv"))


@pytest.fixture(scope="session")
def full_ms(table) -> float:
    return LatencyEstimator(LookupTable.read(table)).network(trace(tiny.network(), tiny.EXAMPLE)).ms
