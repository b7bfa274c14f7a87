"""Runtimes by name: those that ship, one of a user's own, and names that nobody has."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import netadapt
from netadapt.errors import DeviceError, InputError
from netadapt.graph.layer_shape import LayerShape
from netadapt.latency.devices.profile import DeviceProfile, load_profile
from netadapt.latency.measure.doctor import examine
from netadapt.latency.measure.planner import Planner
from netadapt.latency.measure.table_build import build_table
from netadapt.latency.runtimes.base import DoctorSteps, Timing, UnsupportedLayer
from netadapt.latency.runtimes.fake import FakeRuntime
from netadapt.latency.runtimes.registry import RUNTIMES, open_runtime
from netadapt.latency.table.table import LookupTable


class Abacus:
    """A runtime of a user's own: a microsecond for each thousand beads."""

    schedule = "abacus-1"

    def __init__(self, profile: DeviceProfile) -> None:
        self.profile = profile
        self.closed = False

    def describe(self) -> dict[str, Any]:
        return {"runtime": "abacus", "runtime_version": "7", "target": "wood", "threads": 1}

    def reach(self) -> None: ...

    def prepare(self, shape: LayerShape) -> None: ...

    def measure(self, shape: LayerShape) -> Timing:
        if shape.op == "pool":
            raise UnsupportedLayer(f"{shape}: no bead for it")
        return Timing((1e-3 + shape.macs * 1e-6,) * 3)

    def measure_network(self, model: bytes) -> Timing:
        return Timing((1.0,))

    def steps(self) -> DoctorSteps:
        yield "beads counted", lambda: "all there"
        yield "a small kernel is right", self.small
        yield "hands clean", lambda: "clean"

    def small(self) -> str:
        raise DeviceError("a bead is stuck; oil it")

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def profile(tmp_path: Path) -> Any:
    path = tmp_path / "desk.toml"
    path.write_text('runtime = "abacus"\nfix_first = ["sit down"]\n')
    with RUNTIMES.temporarily("abacus", Abacus):
        yield load_profile("desk", file=path, environment={})


def test_a_table_is_built_through_a_runtime_of_ones_own(
    profile: DeviceProfile, tmp_path: Path
) -> None:
    import torch

    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 16, 3, padding=1), torch.nn.ReLU(), torch.nn.Conv2d(16, 8, 1)
    )
    graph = netadapt.trace(network.eval(), torch.zeros(1, 3, 8, 8))
    path = tmp_path / "measured.csv"
    with open_runtime(profile) as runtime:
        build_table(profile, runtime, Planner(graph), path, tolerance=1e-9, max_layers=20)
    assert runtime.closed
    table = LookupTable.read(path)
    assert table.meta["runtime"] == "abacus"
    rows = {row.shape: row for row in table.entries}
    assert graph.layers[0].shape in rows
    for shape, row in rows.items():
        assert row.latency_ms == pytest.approx(1e-3 + shape.macs * 1e-6)
        assert (row.source, row.schedule, row.samples) == ("measured", "abacus-1", 3)


def test_the_doctor_takes_a_runtimes_own_steps(profile: DeviceProfile) -> None:
    findings = list(examine(profile))
    assert [(f.step, f.ok) for f in findings] == [
        ("profile", True),
        ("beads counted", True),
        ("a small kernel is right", False),
        ("hands clean", None),
        ("before measuring", True),
    ]
    assert findings[2].detail == "a bead is stuck; oil it"


@pytest.mark.parametrize("tune", [0, 8])
def test_an_unknown_runtime_is_never_the_fake_one(tune: int) -> None:
    unknown = DeviceProfile(name="desk", runtime="abakus")
    message = "no runtime called 'abakus'; choose one of tvm, onnxruntime, .*fake"
    with pytest.raises(InputError, match=message), open_runtime(unknown, tune=tune):
        pass
    with pytest.raises(InputError, match=message):
        next(examine(unknown))


def test_the_fake_runtime_is_asked_for_by_name() -> None:
    with open_runtime(DeviceProfile(name="paper", runtime="fake")) as runtime:
        assert isinstance(runtime, FakeRuntime)


def test_a_runtime_that_lacks_a_member_is_named() -> None:
    class Lacking:
        def __init__(self, profile: DeviceProfile) -> None: ...

        def close(self) -> None: ...

    told = pytest.raises(InputError, match="lacking, of the class Lacking, has no schedule, des")
    with (
        RUNTIMES.temporarily("lacking", Lacking),
        told,
        open_runtime(DeviceProfile(name="desk", runtime="lacking")),
    ):
        pass


@pytest.mark.parametrize("times", [(), (float("nan"),), (1.0, -1.0), (0.0,), (float("inf"),)])
def test_times_that_none_can_be_are_refused(times: tuple[float, ...]) -> None:
    with pytest.raises(DeviceError, match="expected one or more above zero"):
        Timing(times)


@pytest.mark.parametrize("name", ["onnxruntime", "fake"])
def test_only_what_can_be_tuned_is(name: str) -> None:
    profile = DeviceProfile(name="here", runtime=name)
    told = pytest.raises(InputError, match=f"here runs {name}, which can't be tuned")
    with told, open_runtime(profile, tune=8):
        pass


def test_tvm_asks_for_its_target_naming_the_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('runtime = "tvm"\n')
    found = load_profile("mine", file=path, environment={})
    for profile in (found, replace(found, path=None)):
        where = "mine.toml" if profile.path else "mine"
        message = rf"{where}: \[target\] lacks 'kind'; expected llvm, cuda"
        with pytest.raises(InputError, match=message) as caught, open_runtime(profile):
            pass
        assert "\n" not in str(caught.value)


def test_the_protocols_example_runs() -> None:
    import doctest

    from netadapt.latency.runtimes import base

    assert doctest.testmod(base, optionflags=doctest.ELLIPSIS).attempted
    assert not doctest.testmod(base, optionflags=doctest.ELLIPSIS).failed
