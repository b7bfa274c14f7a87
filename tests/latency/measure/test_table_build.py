"""Building a table with a device that exists only on paper: plan, journal, lock, drift."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from netadapt.errors import InputError, TableError
from netadapt.graph import LayerGraph, trace
from netadapt.graph.layer_shape import LayerShape
from netadapt.latency.devices.profile import DeviceProfile, load_profile
from netadapt.latency.measure.calibration_networks import whole_networks
from netadapt.latency.measure.planner import Planner
from netadapt.latency.measure.random_prunings import random_prunings
from netadapt.latency.measure.table_build import Silent, build_table, open_table, table_lock
from netadapt.latency.model.estimator import LatencyEstimator
from netadapt.latency.runtimes.base import Timing
from netadapt.latency.runtimes.fake import FakeRuntime, exact_ms
from netadapt.latency.table.table import LookupTable
from netadapt.networks import build

PROFILE = DeviceProfile(name="paper", runtime="fake")


class Notes(Silent):
    """Keeps what the build tells."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.rows: list[LayerShape] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def measured(self, shape: LayerShape, timing: Timing, done: int, most: int) -> None:
        self.rows.append(shape)


@pytest.fixture(scope="module")
def graph() -> LayerGraph:
    return trace(build("fastdepth").eval(), torch.zeros(1, 3, 64, 64))


@pytest.fixture
def runtime() -> Iterator[FakeRuntime]:
    opened = FakeRuntime(PROFILE)
    yield opened
    opened.close()


def test_a_table_within_its_budget_predicts_unseen_networks(
    graph: LayerGraph, runtime: FakeRuntime, tmp_path: Path
) -> None:
    path = tmp_path / "paper.csv"
    built = build_table(PROFILE, runtime, Planner(graph), path, tolerance=0.02, max_layers=160)
    assert len(built.table) <= 160
    estimator = LatencyEstimator(LookupTable.read(path))
    for pruning in random_prunings(graph, 10, seed=77):
        shapes = [layer.shape for layer in pruning.layers]
        assert estimator.network_ms(shapes) == pytest.approx(sum(map(exact_ms, shapes)), rel=0.05)
    assert LookupTable.read(path).meta["runtime"] == "fake"


@pytest.mark.slow
def test_whole_networks_are_the_calibration(tmp_path: Path) -> None:
    class Slower(FakeRuntime):
        def measure_network(self, model: bytes) -> Timing:
            (alone,) = super().measure_network(model).samples_ms
            return Timing((1.1 * alone,))

    model, example = build("fastdepth").eval(), (torch.zeros(1, 3, 64, 64),)
    graph = trace(model, example)
    wholes = whole_networks(model, graph, example)
    path = tmp_path / "paper.csv"
    notes = Notes()
    build_table(
        PROFILE,
        Slower(PROFILE, noise=0.0),
        Planner(graph),
        path,
        tolerance=0.5,
        max_layers=200,
        wholes=wholes,
        watcher=notes,
    )
    table = LookupTable.read(path)
    assert [n["name"] for n in table.meta["calibration"]["networks"]][:2] == ["full", "pruning 0"]
    assert any("times the sum of their layers" in note for note in notes.notes)
    estimator = LatencyEstimator(table)
    for whole in wholes:
        expected = 1.1 * sum(map(exact_ms, whole.layers))
        assert estimator.network_ms(whole.layers) == pytest.approx(expected, rel=0.03)


def test_a_killed_build_goes_on_where_it_was(graph: LayerGraph, tmp_path: Path) -> None:
    path = tmp_path / "paper.csv"

    class Killed(Silent):
        def measured(self, shape: LayerShape, timing: Timing, done: int, most: int) -> None:
            if done == 7:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _build(graph, path, FakeRuntime(PROFILE), Killed(), most=20)
    with path.open("a") as stream:
        stream.write("conv2d,3,32,3,2")  # what a kill in the middle of a write leaves
    second = FakeRuntime(PROFILE)
    built = _build(graph, path, second, Silent(), most=20)
    assert len(built.table) == len(LookupTable.read(path)) == 20
    assert built.added == 13


class FewNetworks(Planner):
    """Looks at few networks, for a test's time."""

    sampled_networks = 4


def test_a_table_with_all_that_any_needs_goes_on(graph: LayerGraph, tmp_path: Path) -> None:
    """What a first plan asks for is there already: the doubt decides, from the first row on."""
    planner = FewNetworks(graph)
    first = planner.first(set()).shapes
    path = tmp_path / "paper.csv"
    built = build_table(
        PROFILE, FakeRuntime(PROFILE), planner, path, tolerance=1e-9, max_layers=len(first)
    )
    assert built.error is not None
    built = build_table(
        PROFILE, FakeRuntime(PROFILE), planner, path, tolerance=1e-9, max_layers=len(first) + 2
    )
    assert built.added == 2
    assert built.error is not None


def test_two_builds_on_one_table(graph: LayerGraph, tmp_path: Path) -> None:
    path = tmp_path / "paper.csv"
    with table_lock(path), pytest.raises(TableError, match="being written by another build"):
        _build(graph, path, FakeRuntime(PROFILE), Silent(), most=5)
    _build(graph, path, FakeRuntime(PROFILE), Silent(), most=5)


def test_a_table_edited_by_hand_with_a_bad_row(graph: LayerGraph, tmp_path: Path) -> None:
    path = tmp_path / "paper.csv"
    _build(graph, path, FakeRuntime(PROFILE), Silent(), most=5)
    lines = path.read_text().splitlines()
    lines[3] = lines[3].replace("measured", "guessed")
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(TableError, match=r"row 3 \(line 4\).*guessed"):
        _build(graph, path, FakeRuntime(PROFILE), Silent(), most=8)


def test_rows_of_other_conditions_are_not_mixed(graph: LayerGraph, tmp_path: Path) -> None:
    path = tmp_path / "paper.csv"
    _build(graph, path, FakeRuntime(PROFILE), Silent(), most=5)
    other = FakeRuntime(DeviceProfile(name="paper", runtime="fake", threads=4))
    with pytest.raises(TableError, match="measured with threads 1, this would be 4"):
        _build(graph, path, other, Silent(), most=8)


def test_a_table_does_not_take_its_profiles_place(graph: LayerGraph, tmp_path: Path) -> None:
    written = tmp_path / "paper.toml"
    written.write_text('runtime = "fake"\n')
    profile = load_profile("paper", file=written)
    with pytest.raises(InputError, match="which is the device's profile; choose another"):
        open_table(profile, FakeRuntime(profile), tmp_path / "paper.csv")
    assert written.read_text() == 'runtime = "fake"\n'


def test_a_layer_the_device_cannot_run_is_left_out_and_named(
    graph: LayerGraph, tmp_path: Path
) -> None:
    notes = Notes()
    runtime = FakeRuntime(PROFILE, refused=("upsample_add",))
    built = _build(graph, tmp_path / "paper.csv", runtime, notes, most=60)
    assert not [e for e in built.table.entries if e.shape.op == "upsample_add"]
    assert any("upsample_add" in note and note.startswith("left out") for note in notes.notes)


def test_a_drifting_clock_is_told(graph: LayerGraph, tmp_path: Path) -> None:
    class Slowing(FakeRuntime):
        def measure(self, shape: LayerShape) -> Timing:
            factor = 1 + 0.01 * len(self.asked)
            return Timing(tuple(factor * s for s in super().measure(shape).samples_ms))

    notes = Notes()
    built = _build(graph, tmp_path / "paper.csv", Slowing(PROFILE), notes, most=40)
    assert built.drift > 0.2
    assert any("clock drifts" in note for note in notes.notes)
    assert built.table.meta["sentinel"]["drift"] == pytest.approx(built.drift, abs=1e-3)


def test_a_row_with_a_large_spread_is_repeated(graph: LayerGraph, tmp_path: Path) -> None:
    notes = Notes()
    built = _build(graph, tmp_path / "p.csv", FakeRuntime(PROFILE, noise=0.5), notes, most=3)
    assert all(entry.samples > 20 for entry in built.table.entries)
    assert any("spreads by" in note for note in notes.notes)


def test_a_build_ends_with_its_time_and_keeps_what_it_has(
    graph: LayerGraph, runtime: FakeRuntime, tmp_path: Path
) -> None:
    path = tmp_path / "paper.csv"
    notes = Notes()
    built = build_table(
        PROFILE,
        runtime,
        Planner(graph),
        path,
        tolerance=1e-9,
        max_layers=200,
        time_limit_s=12.0,
        watcher=notes,
        clock=lambda: float(len(runtime.asked)),  # a second a measurement
    )
    assert built.out_of_time
    assert built.error is None  # too few rows to fit anything to
    assert 8 <= len(LookupTable.read(path)) == built.added <= 12


def test_noise_beyond_the_tolerance_is_told(graph: LayerGraph, tmp_path: Path) -> None:
    notes = Notes()
    planner = Planner(graph)
    runtime = FakeRuntime(PROFILE, noise=0.5)
    build_table(
        PROFILE, runtime, planner, tmp_path / "p.csv", tolerance=0.05, max_layers=6, watcher=notes
    )
    assert sum("noise exceeds the tolerance" in note for note in notes.notes) == 1
    assert LookupTable.read(tmp_path / "p.csv").meta["row_spread"] > 0.05


def test_an_emulated_boards_rows_say_so(graph: LayerGraph, tmp_path: Path) -> None:
    profile = DeviceProfile(name="paper", runtime="fake", emulated=True)
    path = tmp_path / "paper.csv"
    build_table(profile, FakeRuntime(profile), Planner(graph), path, tolerance=0.05, max_layers=3)
    table = LookupTable.read(path)
    assert all(entry.schedule.startswith("emulated ") for entry in table.entries)
    assert table.meta["emulated"] is True


def _build(graph: LayerGraph, path: Path, runtime: FakeRuntime, watcher: Silent, most: int):  # type: ignore[no-untyped-def]
    return build_table(
        PROFILE, runtime, Planner(graph), path, tolerance=1e-9, max_layers=most, watcher=watcher
    )
