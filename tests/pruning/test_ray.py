"""Candidates as tasks of Ray: the same run on a cluster, whatever becomes of its nodes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import odd_tasks
import pytest
import tiny
import trials
from process_tree import descendants, lives, name_of, until

from netadapt.errors import DeviceError, InputError
from netadapt.pruning.executors.base import Workplace
from netadapt.pruning.executors.numerics import environment
from netadapt.pruning.executors.ray_tasks import ANSWER_S, KNOCK_S, QUIET, RayTasks

ray = pytest.importorskip("ray")

REACHED_WITHIN_S = 15


@pytest.fixture(scope="module")
def alone(tmp_path_factory) -> Path:
    """The run in one process."""
    out = tmp_path_factory.mktemp("alone") / "run"
    trials.pruned(out)
    return out


@pytest.fixture
def marks(tmp_path):
    """A folder where tasks in other processes leave word."""
    folder = tmp_path / "marks"
    folder.mkdir()
    return folder


def test_a_cluster_of_this_machine_makes_the_same_run(alone, tmp_path):
    trials.pruned(tmp_path / "run", ray="local", workers=2)
    trials.require_same(tmp_path / "run", alone)
    assert not ray.is_initialized()


@pytest.mark.slow
def test_a_cluster_of_this_machine_is_for_this_machine_alone():
    executor = RayTasks()
    executor.prepare(Workplace(tiny.network(), tiny.task()))
    try:
        (node,) = ray.nodes()
        assert node["NodeManagerAddress"] == "127.0.0.1"
        port = node["NodeManagerPort"]
        socket.create_connection(("127.0.0.1", port), 5).close()
        outside = [a for a in socket.gethostbyname_ex(socket.gethostname())[2] if a[:4] != "127."]
        for address in outside:
            with pytest.raises(OSError, match="refused"):
                socket.create_connection((address, port), 5)
        assert os.environ.get("RAY_USAGE_STATS_ENABLED") != "1"
    finally:
        executor.close()


@pytest.mark.slow
def test_a_node_that_is_lost_changes_nothing(alone, tmp_path, marks):
    """Two nodes; the second is taken away while it tries a candidate."""
    from ray.cluster_utils import Cluster

    with environment(QUIET):
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
        lost = cluster.add_node(num_cpus=1)
        cluster.wait_for_nodes()
    removed = []

    def remove() -> None:
        deadline = time.monotonic() + 60
        while not list(marks.iterdir()) and time.monotonic() < deadline:
            time.sleep(0.05)
        removed.extend(marks.iterdir())
        cluster.remove_node(lost, allow_graceful=False)

    remover = threading.Thread(target=remove)
    remover.start()
    try:
        task = odd_tasks.WaitingOnNode(marks, lost.node_id)
        trials.pruned(tmp_path / "run", ray=cluster.address, workers=2, task=task)
        trials.require_same(tmp_path / "run", alone)
    finally:
        remover.join()
        cluster.shutdown()
    assert removed


@pytest.mark.slow
def test_a_cluster_of_this_machine_ends_with_the_search(tmp_path, marks):
    script = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[1]); "
        "import trials, odd_tasks; "
        "trials.pruned(Path(sys.argv[2]), ray='local', workers=2, task='odd_tasks:waiting')"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(Path(__file__).parent), str(tmp_path / "run")],
        env={**os.environ, "NETADAPT_TEST_MARKS": str(marks)},
    )
    until(lambda: list(marks.iterdir()))
    started = {pid: name_of(pid) for pid in descendants(process.pid)}
    assert "ray::try_errand" in started.values()
    process.kill()
    process.wait()
    # Ray's own agents, which do no work, see it within some minute.
    workers = [pid for pid, name in started.items() if not name.endswith("Agent")]
    until(lambda: not any(map(lives, workers)))


def test_a_cluster_that_is_not_there_ends_the_command(tmp_path):
    command = [sys.executable, "-m", "netadapt", "prune", "--model", "tiny:network"]
    command += ["--input-shape", "1x3x8x8", "--task", "tiny:task", "--device", "macs"]
    command += ["--budget-ms", "60000", "--out", str(tmp_path / "run")]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command += ["--ray", address]
    answer = subprocess.run(
        command, cwd=Path(__file__).parent, stderr=subprocess.PIPE, text=True, timeout=120
    )
    assert answer.returncode == 3
    said = f"the Ray cluster at {address} can't be reached (Connection refused)"
    assert said in answer.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("silent", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_cluster_that_does_not_answer_is_told_within_the_limit(silent):
    assert KNOCK_S + ANSWER_S < REACHED_WITHIN_S
    with socket.socket() as port:
        port.bind(("127.0.0.1", 0))
        if silent:
            port.listen(5)
        address = f"127.0.0.1:{port.getsockname()[1]}"
        place = Workplace(tiny.network(), tiny.task(), address=address)
        started = time.monotonic()
        with pytest.raises(DeviceError, match="can't be reached"):
            RayTasks().prepare(place)
        assert time.monotonic() - started < REACHED_WITHIN_S


@pytest.mark.parametrize("address", ["moon", "ray://there:10001", "there:", ":6379"])
def test_an_address_that_is_none_is_told(address):
    with pytest.raises(InputError, match="expected HOST:PORT of its head"):
        RayTasks().prepare(Workplace(tiny.network(), tiny.task(), address=address))


def test_without_ray_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match="this needs the 'ray' extra"):
        RayTasks().prepare(Workplace(tiny.network(), tiny.task()))
