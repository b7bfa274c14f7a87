"""Candidates in processes: the same run, whatever happens to them, and none stays behind."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import types
from dataclasses import replace
from pathlib import Path

import odd_tasks
import pytest
import tiny
import trials
from process_tree import children, lives, until

import netadapt
from netadapt.errors import InputError
from netadapt.pruning.attempts import Attempt, Ground
from netadapt.pruning.executors.base import Executor, Workplace
from netadapt.pruning.executors.workbench import Errand, Setup, Workbench, pack_ground
from netadapt.pruning.proposals import GroupCut, Proposal
from netadapt.training.tasks import NamedTask
from tests.docstring_examples import names_of_example

HERE = Path(__file__).parent


@pytest.fixture
def marks(tmp_path):
    """A folder where tasks in other processes leave word."""
    folder = tmp_path / "marks"
    folder.mkdir()
    return folder


@pytest.fixture(scope="session")
def alone(tmp_path_factory) -> Path:
    """The run in one process."""
    out = tmp_path_factory.mktemp("alone") / "run"
    trials.pruned(out, strategy="racing")
    return out


def test_two_processes_make_the_same_run(alone, tmp_path):
    trials.pruned(tmp_path / "run", strategy="racing", workers=2, task="tiny:task")
    trials.require_same(tmp_path / "run", alone)
    assert multiprocessing.active_children() == []


@pytest.mark.slow
def test_workers_have_the_teacher_of_a_distillation(tmp_path):
    for name, options in (("alone", {}), ("two", {"workers": 2, "task": "tiny:task"})):
        trials.pruned(tmp_path / name, strategy="full", distill=True, **options)
    trials.require_same(tmp_path / "two", tmp_path / "alone")


def test_a_worker_that_is_killed_changes_nothing(alone, tmp_path, marks):
    task = odd_tasks.Deadly(marks, times=1)
    trials.pruned(tmp_path / "run", strategy="racing", workers=2, task=task)
    assert len(list(marks.iterdir())) == 1
    trials.require_same(tmp_path / "run", alone)


@pytest.mark.slow
def test_a_candidate_that_kills_its_process_three_times_is_left_out(tmp_path, marks):
    task = odd_tasks.Deadly(marks, times=10**6, group="first")
    result = trials.pruned(
        tmp_path / "run", budget={"macs": 0.8 * trials.MACS}, workers=2, task=task
    )
    first, *_ = trials.rows(tmp_path / "run" / "candidates.csv")
    assert (first["group"], first["stage"], first["chosen"]) == ("first", "failed", "0")
    assert len(list(marks.iterdir())) == 3 * (len(result.records) - 1)


@pytest.mark.parametrize("workers", [None, pytest.param(2, marks=pytest.mark.slow)])
def test_a_candidate_that_lacks_memory_is_recorded_and_left_out(tmp_path, workers, caplog):
    run = tmp_path / "run"
    task = odd_tasks.Hungry("first")
    result = trials.pruned(run, budget={"macs": 0.7 * trials.MACS}, workers=workers, task=task)
    assert {record.group for record in result.records[1:]} == {"inner"}
    tried = trials.rows(run / "candidates.csv")
    failed = [row for row in tried if row["stage"] == "failed"]
    assert {row["group"] for row in failed} == {"first"}
    assert {(row["accuracy"], row["score"], row["chosen"]) for row in failed} == {("", "", "0")}
    assert "the candidate first 24 → 16: the memory doesn't suffice; the run goes on" in caplog.text
    again = trials.pruned(
        run, budget={"macs": 0.7 * trials.MACS}, workers=workers, task=task, resume=True
    )
    assert again.trajectory.equals(result.trajectory)


def test_where_all_candidates_fail_the_search_ends_and_may_go_on(tmp_path, alone):
    run = tmp_path / "run"
    with pytest.raises(InputError, match=r"none of the 2 candidates of iteration 1 .* \(first 24"):
        trials.pruned(run, strategy="racing", task=odd_tasks.Hungry())
    trials.pruned(run, strategy="racing", resume=True)
    tried = trials.rows(run / "candidates.csv")
    assert [row["stage"] for row in tried].count("failed") == 2
    assert [row for row in tried if row["stage"] != "failed"] == trials.rows(
        alone / "candidates.csv"
    )


def test_memory_that_torch_lacks_is_told_from_other_faults():
    import torch

    from netadapt.training.memory_shortage import lacked_memory

    with pytest.raises(RuntimeError) as raised:
        torch.empty(2**60, dtype=torch.uint8)
    assert lacked_memory(raised.value) == "the memory doesn't suffice"
    wrapped = InputError("a task failed")
    wrapped.__cause__ = torch.OutOfMemoryError("CUDA out of memory")
    assert lacked_memory(wrapped) == "the GPU's memory doesn't suffice"
    assert lacked_memory(InputError("a task failed")) == ""


def test_a_task_that_cannot_be_sent_is_told_at_once(tmp_path):
    class Local(type(tiny.task())):
        pass

    whole = tiny.task()
    task = Local(whole.train, whole.holdout)
    with pytest.raises(InputError, match=r"the task Local can't be sent .* top of a module"):
        trials.pruned(tmp_path / "run", task=task, workers=2)
    task = tiny.task()
    task.holdout_metric = lambda output: output.sum()
    task.training_batches = lambda *given: pytest.fail("no work is done before")
    said = r"<lambda>'\); .* at the top of a module \(no lambda, .* as 'package\.module:function'"
    for options in ({"workers": 1}, {"executor": "ray"}, {"workers": 1, "distill": True}):
        with pytest.raises(InputError, match=rf"the task ClassificationTask can't .*{said}"):
            trials.pruned(tmp_path / "run", task=task, **options)
    network = tiny.network()
    network.act = lambda image: image
    with pytest.raises(InputError, match=r"the network can't .* notebook\); or run without"):
        netadapt.prune(network, tiny.EXAMPLE, task=tiny.task(), budget={"macs": 1}, workers=1)
    assert not (tmp_path / "run").exists()
    assert multiprocessing.active_children() == []


def test_a_task_that_no_worker_can_import_is_told_before_the_run(tmp_path, monkeypatch):
    """As one that is written in a notebook."""
    module = types.ModuleType("only_here")
    monkeypatch.setitem(sys.modules, "only_here", module)
    task = tiny.task()
    module.Written = type("Written", (type(task),), {"__module__": "only_here"})
    task.__class__ = module.Written
    with pytest.raises(InputError, match=r"the task can't be sent .*only_here.*package\.module"):
        trials.pruned(tmp_path / "run", task=task, workers=2)
    assert not (tmp_path / "run").exists()
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"workers": 0}, "the number of workers is 0; expected 1 or more"),
        ({"workers": 1.5}, "the number of workers is 1.5; expected a whole number"),
        ({"ray": ""}, "ray is ''; expected 'local' or a cluster's address"),
        ({"task": "depth"}, "the task is 'depth', expected a task or 'package.module:function'"),
        ({"executor": "local", "workers": 2}, "the executor LocalExecutor has no workers"),
    ],
)
def test_what_is_no_choice_of_workers_is_said(tmp_path, options, said):
    with pytest.raises(InputError, match=said):
        trials.pruned(tmp_path / "run", **options)
    assert not (tmp_path / "run").exists()


def test_a_network_that_was_lost_is_made_again(tmp_path):
    """It stays where it was made until it is chosen; there it may be gone."""

    class Lost:
        def fetched(self):
            return None

    class Losing(names_of_example(Executor)["Backwards"]):
        def run(self, attempts, started):
            for attempt in attempts:
                yield attempt, replace(attempt.run(), model=Lost())

    trials.pruned(tmp_path / "lost", executor=Losing())
    trials.pruned(tmp_path / "kept")
    trials.require_same(tmp_path / "lost", tmp_path / "kept")


def test_an_executor_of_one_s_own_is_told_where_it_works(tmp_path):
    class Telling(names_of_example(Executor)["Backwards"]):
        def prepare(self, workplace):
            self.workplace = workplace

    executor = Telling()
    trials.pruned(tmp_path / "run", executor=executor, workers=3)
    assert (executor.workplace.workers, executor.workplace.address) == (3, None)


def test_what_a_worker_does_is_what_is_done_here():
    model, graph = tiny.network(), netadapt.trace(tiny.network(), tiny.EXAMPLE)
    ground = Ground(model, graph, tiny.task(), trials.SHORT, batches_seed=5, seed=7)
    cut = GroupCut.of(graph.groups[0], 8)
    attempt = Attempt(0, 1, Proposal((cut,), 1.0), {"first": tuple(range(8))}, ground)
    bench = Workbench(Setup.of(Workplace(model, tiny.task(), NamedTask("tiny:task"))))
    bench.stand_on(3, pack_ground(ground))
    assert bench.stands_on(3)
    report, network = bench.tried(Errand.of(attempt, 11))
    here = attempt.run()
    assert (report.metrics, report.samples, report.ticket) == (here.metrics, here.samples, 11)
    for name, value in here.model.state_dict().items():
        assert network.state_dict()[name].equal(value)


PRUNE = ("prune", "--model", "tiny:network", "--input-shape", "1x3x8x8", "--device", "macs")
PRUNE += ("--strategy", "full")


@pytest.mark.parametrize(
    ("number", "instant"),
    [
        (signal.SIGKILL, "trying"),
        pytest.param(signal.SIGKILL, "starting", marks=pytest.mark.slow),
        pytest.param(signal.SIGINT, "trying", marks=pytest.mark.slow),
        pytest.param(signal.SIGTERM, "trying", marks=pytest.mark.slow),
        pytest.param(signal.SIGINT, "starting", marks=pytest.mark.slow),
    ],
)
def test_no_worker_outlives_the_command(tmp_path, marks, number, instant):
    command = [sys.executable, "-m", "netadapt", *PRUNE, "--budget-ms", str(0.6 * trials.MACS)]
    command += ["--task", "odd_tasks:waiting", "--workers", "2", "--out", str(tmp_path / "run")]
    process = subprocess.Popen(
        command,
        cwd=HERE,
        env={**os.environ, "NETADAPT_TEST_MARKS": str(marks)},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        if instant == "trying":
            until(lambda: len(list(marks.iterdir())) == 2)
        else:
            until(lambda: len(children(process.pid)) >= 2)  # the worker, and what tracks its files
        workers = children(process.pid)
        assert len(workers) >= 2
        process.send_signal(number)
    except BaseException:
        process.kill()
        process.communicate()
        raise
    said = process.communicate(timeout=60)[1]  # its stderr ends when that of the workers does too
    until(lambda: not any(map(lives, workers)))
    if number != signal.SIGKILL:
        assert process.returncode == 130
        assert "continue with" in said
        assert "Traceback" not in said


@pytest.mark.slow
def test_a_run_that_is_killed_among_its_workers_goes_on_to_the_same(alone, tmp_path):
    """Killed at instants that a clock chooses, each time with work under way."""
    run = tmp_path / "run"
    script = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[1]); import trials; "
        "trials.pruned(Path(sys.argv[2]), strategy='racing', workers=2, resume=True)"
    )
    candidates = run / "candidates.csv"

    def tried() -> int:
        return candidates.read_text().count("\n") if candidates.exists() else 0

    def kill_after(rows: int) -> None:
        process = subprocess.Popen([sys.executable, "-c", script, str(HERE), str(run)])
        until(lambda: process.poll() is not None or tried() > rows)
        started = children(process.pid)
        process.kill()
        process.wait()
        until(lambda: not any(map(lives, started)))

    for rows in (1, 4, 6):
        kill_after(rows)
    trials.pruned(run, strategy="racing", workers=2, resume=True)
    trials.require_same(run, alone)
