"""The commands on a run's page: the run again, and what comes next."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import netadapt.cli.prune as prune_command
from netadapt.cli.app import app
from netadapt.pruning.constraints.registry import read_budget
from netadapt.pruning.job import OpenedBy, PruneJob
from netadapt.pruning.records import Interval, StepRecord, frame_of
from netadapt.pruning.run_json import RunAbout, write_run_json
from netadapt.pruning.settings import SearchSettings
from netadapt.report.run_commands import following, reproducing
from netadapt.report.run_on_disk import RunOnDisk
from netadapt.training.settings import FineTuning

ABOUT = RunAbout({"tx2": 6.0}, SearchSettings(), {"network": "fastdepth"}, "0")


def run(folder: Path, about: RunAbout) -> RunOnDisk:
    folder.mkdir(exist_ok=True)
    write_run_json(folder, about)
    step = StepRecord(
        iteration=0,
        latency=Interval(8, 7, 9),
        metrics={"delta1": 0.8},
        macs=1000,
        params=100,
        checkpoint="iter_000",
        widths={"conv0": 8},
    )
    frame_of([step]).to_csv(folder / "trajectory.csv", index=False)
    return RunOnDisk.read(folder)


def asked_by(line: str, monkeypatch: pytest.MonkeyPatch) -> PruneJob:
    """The job that a command asks for, of which nothing is begun."""
    jobs: list[PruneJob] = []

    def caught(job: PruneJob, *others: object, **more: object) -> None:
        jobs.append(job)
        raise typer.Exit

    monkeypatch.setattr(prune_command, "_run", caught)
    program, *arguments = shlex.split(line)
    assert program == "netadapt"
    done = CliRunner().invoke(app, arguments)
    assert jobs, done.output
    return jobs[0]


OPENED = OpenedBy("fastdepth", "depth", "rooms", holdout_images=64, threads=1)
JOBS = {
    "plain": PruneJob({"tx2": 6.0}, OPENED),
    "everything": PruneJob(
        {"tx2": 6.0, "tx2-cpu": "50%", "macs": 4e8},
        replace(OPENED, weights="a folder/w.npz", input_size=(96, 128), workers=2),
        SearchSettings(
            strategy="full",
            importance="l1",
            short_term=FineTuning(steps=7, learning_rate=1e-4, batch_size=4),
            first_reduction=0.05,
            decay=0.9,
            distill=True,
            width_multiple="device",
            confidence=0.8,
            frozen=("conv0", "decode*"),
            min_widths={"conv1": 16},
            seed=3,
        ),
    ),
    "own": PruneJob(
        {"params": "2x"},
        OpenedBy("pkg.nets:net", "pkg.tasks:task", "rooms", holdout_images=128, threads=1,
                 input_shapes=((1, 3, 32, 32), (1, 4))),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", JOBS)
def test_the_command_asks_for_the_same_again(name, tmp_path, monkeypatch) -> None:
    job = JOBS[name]
    budget = {name: most if isinstance(most, float) else 5.0 for name, most in job.budget.items()}
    asked = {name: most for name, most in job.budget.items() if isinstance(most, str)}
    about = replace(
        ABOUT, budget=budget, asked=asked, settings=job.settings, opened=job.opened.to_json()
    )
    line = reproducing(run(tmp_path / "a run", about)).line
    again = asked_by(line, monkeypatch)
    assert read_budget(again.budget) == read_budget(job.budget)  # 6 and 6.0 are one amount
    assert replace(again, budget=job.budget) == job


def test_a_run_from_python_is_a_call(tmp_path) -> None:
    settings = SearchSettings(seed=3, frozen=("conv0",))
    line = reproducing(run(tmp_path / "run", replace(ABOUT, settings=settings))).line
    assert line == (
        "netadapt.prune(model, example_input, task=…, budget={'tx2': 6.0}, frozen=('conv0',), "
        "seed=3)"
    )


def test_what_comes_next(tmp_path) -> None:
    folder = tmp_path / "run"
    lines = [command.line for command in following(run(folder, ABOUT))]
    assert lines == [
        f"netadapt prune --resume --out {folder}",  # 8 ms of 6
        f"netadapt finetune {folder}",
        f"netadapt bench {folder} --device tx2",
        f"netadapt export {folder} --format onnx",
    ]
    met = run(folder, replace(ABOUT, budget={"tx2": 9.0}))
    assert following(met)[0].line == f"netadapt finetune {folder}"


def test_a_folder_of_csvs_alone_has_no_commands(tmp_path) -> None:
    there = run(tmp_path / "run", ABOUT)
    (there.path / "run.json").unlink()
    assert following(RunOnDisk.read(there.path)) == []
    assert RunOnDisk.read(there.path).content == {}
