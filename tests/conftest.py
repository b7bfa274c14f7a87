"""Fixtures that more than one room uses."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

# Before torch is imported, and for the processes that tests start. Two threads for tensors of a few
# numbers wait more than they compute: the same tests take six times the time of the processor.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
import torch
from hypothesis import settings

settings.register_profile("shared machine", deadline=None)  # other work may take any time
settings.load_profile("shared machine")

SHARED = Path(os.environ.get("NETADAPT_SHARED", Path(__file__).parents[2] / "shared"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real latencies, weights and frames; tests skip where it doesn't exist."""
    data = SHARED / "data"
    if not data.is_dir():
        pytest.skip(f"no real data at {data}; set NETADAPT_SHARED to the folder that holds data/")
    return data


@pytest.fixture(scope="session", autouse=True)
def _no_state_of_the_users(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keys of runs that tests begin aren't kept in the home of who runs them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(autouse=True)
def _same_random_numbers() -> None:
    """Each test sees the same random weights and images, alone or among others."""
    torch.manual_seed(0)
