"""The fixtures of the runtimes' tests: a tracker on loopback, and this machine as a device."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from netadapt.latency.devices.profile import DeviceProfile
from tests.latency.runtimes.loopback import Loopback


@pytest.fixture(scope="module")
def loopback() -> Iterator[Loopback]:
    pytest.importorskip("tvm", reason="the extra netadapt[tvm] is not installed")
    running = Loopback()
    yield running
    running.close()


@pytest.fixture
def host_profile(tmp_path: Path) -> DeviceProfile:
    """This machine through TVM, measured briefly."""
    return DeviceProfile(
        name="here",
        runtime="tvm",
        target={"kind": "llvm", "mcpu": "native"},
        seconds=0.02,
        path=tmp_path / "here.toml",
    )
