"""The path to a board, with a real tracker and real servers on loopback, and what breaks on it."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from netadapt.errors import DeviceError
from netadapt.graph.layer_shape import LayerShape
from netadapt.latency.devices.profile import DeviceProfile
from netadapt.latency.measure.doctor import examine
from netadapt.latency.measure.table_build import Silent, build_table
from netadapt.latency.runtimes.base import Timing
from netadapt.latency.runtimes.tvm.runtime import TvmRuntime
from netadapt.latency.runtimes.tvm.tracker import look
from netadapt.latency.table.table import LookupTable
from netadapt.networks.onnx_export import export_onnx
from tests.latency.runtimes.every_kind import shape
from tests.latency.runtimes.loopback import Loopback, free_port

LAYERS = [shape("conv2d", 16, 8 * i, size=(14, 14), activation="relu") for i in range(1, 9)]
LIMIT_S = 15.0


class Few:
    """A plan of a few small layers, in a row."""

    sentinel = LAYERS[0]

    def __init__(self, shapes: list[LayerShape] = LAYERS) -> None:
        self.shapes = shapes

    def refuse(self, shape: LayerShape) -> None: ...

    def first(self, known: set[LayerShape]) -> object:
        from netadapt.latency.measure.planner import Round

        return Round(tuple(s for s in self.shapes if s not in known), None)

    def next(self, estimator: object, known: set[LayerShape]) -> object:
        return self.first(known)

    def outlook(self, estimator: object, known: set[LayerShape], counts: object) -> list[float]:
        return []


@pytest.fixture
def profile(loopback: Loopback, host_profile: DeviceProfile) -> DeviceProfile:
    return replace(host_profile, tracker=loopback.address, key="x86", wall_limit_s=10.0)


@pytest.fixture
def runtime(profile: DeviceProfile) -> Iterator[TvmRuntime]:
    opened = TvmRuntime(profile)
    yield opened
    opened.close()


def test_nobody_at_the_trackers_address(host_profile: DeviceProfile) -> None:
    runtime = TvmRuntime(replace(host_profile, tracker=f"127.0.0.1:{free_port()}", key="x86"))
    start = time.monotonic()
    with pytest.raises(DeviceError, match="no tracker answers at") as caught:
        runtime.reach()
    assert time.monotonic() - start < LIMIT_S
    assert caught.value.exit_code == 3
    runtime.close()


@pytest.mark.parametrize("greeting", [b"", b"SSH-2.0-OpenSSH_9.2\r\n"], ids=["silent", "ssh"])
def test_something_else_at_the_trackers_address(
    host_profile: DeviceProfile, greeting: bytes
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        over = threading.Event()
        thread = threading.Thread(target=_greet, args=(listener, greeting, over))
        thread.start()
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        runtime = TvmRuntime(replace(host_profile, tracker=address, key="x", connect_limit_s=1.0))
        with pytest.raises(DeviceError, match="tracker"):
            runtime.reach()
        runtime.close()
        over.set()
        thread.join()


def _greet(listener: socket.socket, greeting: bytes, over: threading.Event) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.sendall(greeting)
        over.wait(30)


def test_a_key_that_is_not_registered(loopback: Loopback, profile: DeviceProfile) -> None:
    runtime = TvmRuntime(replace(profile, key="nobody"))
    start = time.monotonic()
    with pytest.raises(DeviceError, match="no device is registered as 'nobody'"):
        runtime.reach()
    assert time.monotonic() - start < LIMIT_S
    runtime.close()


def test_a_table_is_measured_and_a_dead_server_loses_nothing(
    loopback: Loopback, profile: DeviceProfile, runtime: TvmRuntime, tmp_path: Path
) -> None:
    server = loopback.serve("x86")
    path = tmp_path / "board.csv"

    class Killing(Silent):
        def measured(self, shape: LayerShape, timing: Timing, done: int, most: int) -> None:
            if done == 3:
                loopback.end(server)

    start = time.monotonic()
    with pytest.raises(DeviceError) as caught:
        _build(profile, runtime, path, Killing())
    assert caught.value.exit_code == 3
    assert "\n" not in str(caught.value)
    assert time.monotonic() - start < 60
    assert len(LookupTable.read(path)) == 3

    loopback.serve("x86")
    built = _build(profile, runtime, path, Silent())
    assert built.added == len(LAYERS) - 3
    assert {row.shape for row in LookupTable.read(path).entries} == set(LAYERS)


@pytest.mark.slow
def test_a_board_that_hangs_is_given_up(
    loopback: Loopback, profile: DeviceProfile, tmp_path: Path
) -> None:
    server = loopback.serve("hanging")
    runtime = TvmRuntime(replace(profile, key="hanging", wall_limit_s=3.0, connect_limit_s=3.0))
    runtime.measure(LAYERS[0])
    _signal_all(server.pid, signal.SIGSTOP)
    try:
        start = time.monotonic()
        with pytest.raises(DeviceError, match="took longer than") as caught:
            runtime.measure(LAYERS[1])
        assert time.monotonic() - start < LIMIT_S
        assert "hanging" in str(caught.value)
    finally:
        _signal_all(server.pid, signal.SIGCONT)
        runtime.close()
        loopback.end(server)


def test_a_library_for_another_architecture(loopback: Loopback, profile: DeviceProfile) -> None:
    import shutil

    if shutil.which("aarch64-linux-gnu-g++") is None:
        pytest.skip("no cross compiler: apt install g++-aarch64-linux-gnu")
    server = loopback.serve("notarm")
    arm = {"kind": "llvm", "mtriple": "aarch64-linux-gnu", "mcpu": "cortex-a57", "mattr": ["+neon"]}
    runtime = TvmRuntime(
        replace(profile, key="notarm", target=arm, cross_compiler="aarch64-linux-gnu-g++")
    )
    with pytest.raises(DeviceError, match="architecture"):
        runtime.measure(LAYERS[0])
    runtime.close()
    loopback.end(server)


def test_a_library_is_compared_on_the_board_before_it_is_kept(
    loopback: Loopback, profile: DeviceProfile, tmp_path: Path
) -> None:
    import torch

    network = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3, padding=1), torch.nn.ReLU()).eval()
    model = export_onnx(network, torch.zeros(1, 3, 16, 24))
    server = loopback.serve("library")
    runtime = TvmRuntime(replace(profile, key="library"))
    runtime.reach()
    library = runtime.compile_network(model, tmp_path / "network.so", checked=True)
    assert library.difference is not None
    assert library.difference < 1e-5
    assert library.expected.shape == (1, 8, 16, 24)
    assert (tmp_path / "network.so").stat().st_size > 0
    runtime.close()
    loopback.end(server)

    unlinked = TvmRuntime(replace(profile, cross_compiler="no-such-compiler"))
    with pytest.raises(DeviceError, match="no-such-compiler is not on the PATH"):
        unlinked.compile_network(model, tmp_path / "other.so", checked=False)
    unlinked.close()


def test_the_doctor_finds_the_path_whole_and_then_broken(
    loopback: Loopback, profile: DeviceProfile
) -> None:
    server = loopback.serve("patient")
    patient = replace(profile, key="patient")
    findings = list(examine(patient))
    assert [f.step for f in findings if not f.ok] == []
    assert findings[-1].step == "a small kernel gives the right answer"
    loopback.end(server)
    _wait_gone(loopback, "patient")
    broken = {f.step: f for f in examine(patient)}
    assert broken["tracker reachable"].ok
    assert broken["key registered and free"].ok is False
    assert "rpc_server" in broken["key registered and free"].detail
    assert broken["session opens"].ok is None


def _build(profile: DeviceProfile, runtime: TvmRuntime, path: Path, watcher: Silent) -> object:
    return build_table(
        profile, runtime, Few(), path, tolerance=1e-9, max_layers=len(LAYERS), watcher=watcher
    )  # type: ignore[arg-type]


def _signal_all(group: int, number: int) -> None:
    os.killpg(group, number)


def _wait_gone(loopback: Loopback, key: str) -> None:
    stop = time.monotonic() + 10
    while look(("127.0.0.1", loopback.port), key, 2.0).servers and time.monotonic() < stop:
        time.sleep(0.1)


@pytest.mark.slow
def test_trials_run_on_the_board(
    loopback: Loopback, profile: DeviceProfile, tmp_path: Path
) -> None:
    server = loopback.serve("x86")
    database = tmp_path / "tuning"
    runtime = TvmRuntime(profile, tune=2, database=database)
    try:
        first = runtime.measure(LAYERS[0])
        found = (database / "database_tuning_record.json").read_text()
        second = runtime.measure(LAYERS[0])
        assert (database / "database_tuning_record.json").read_text() == found
    finally:
        runtime.close()
        loopback.end(server)
    assert first.latency_ms > 0
    assert second.latency_ms > 0
    logs = "".join(path.read_text() for path in (database / "logs").iterdir())
    assert "Error in" not in logs
