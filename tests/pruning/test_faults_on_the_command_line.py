"""`netadapt prune` where the task, the folder or run.json is at fault: one line and exit code 2."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import tiny
import torch
from rich.progress import TaskID

import netadapt
from netadapt.cli.search_progress import SearchProgress
from netadapt.latency.table.table import LookupTable
from netadapt.training.classification import ClassificationTask

MACS = netadapt.trace(tiny.network(), tiny.EXAMPLE).macs


class Spaced(torch.nn.Module):
    """Layers whose names hold what separates names in trajectory.csv."""

    def __init__(self) -> None:
        super().__init__()
        layers = {"a b": torch.nn.Conv2d(3, 24, 3), "c=d%": torch.nn.Conv2d(24, 24, 3)}
        self.layers = torch.nn.ModuleDict(layers | {"head": torch.nn.Linear(24, 3)})

    def forward(self, image):
        for name in ("a b", "c=d%"):
            image = self.layers[name](image).relu()
        return self.layers["head"](image.mean((2, 3)))


def spaced() -> torch.nn.Module:
    torch.manual_seed(0)
    return Spaced()


def raises() -> ClassificationTask:
    task = tiny.task()
    task.evaluate_images = lambda model, images: {}["nothing\nmore"]
    return task


RAISING_LINE = raises.__code__.co_firstlineno + 2


def loss_of_each() -> ClassificationTask:
    task = tiny.task()
    task.loss = lambda output, target: output.sum(1)
    return task


def ends() -> ClassificationTask:
    task = tiny.task()
    task.training_batches = lambda batch_size, seed, start_step=0: iter([task.train])
    return task


class LiesOfCandidates(ClassificationTask):
    """Gives NaN for every network that was cut."""

    def evaluate_images(self, model, images):
        found = super().evaluate_images(model, images)
        return {k: v * float("nan") for k, v in found.items()} if is_cut(model) else found


def is_cut(model: torch.nn.Module) -> bool:
    whole = sum(weight.numel() for weight in tiny.network().parameters())
    return sum(weight.numel() for weight in model.parameters()) < whole


def lies() -> ClassificationTask:
    whole = tiny.task()
    return LiesOfCandidates(whole.train, whole.holdout)


@pytest.fixture
def prune(command):
    """`netadapt prune OPTIONS…` of the tiny network."""

    def call(out: Path, *options: object, task="tiny:task", begin=True) -> tuple[int, str, str]:
        given = ("--model", "tiny:network", "--input-shape", "1x3x8x8", "--task", task)
        given += ("--device", "macs", "--budget-ms", 0.8 * MACS, "--finetune-steps", 2)
        return command("prune", "--out", out, *(given if begin else ()), *options)

    return call


def refused(answer: tuple[int, str, str]) -> str:
    code, _, err = answer
    assert code == 2, err
    lines = err.strip().splitlines()
    assert "Traceback" not in err
    return lines[-1]


@pytest.mark.parametrize(
    ("task", "said"),
    [
        (
            "raises",
            "evaluate_images of the task ClassificationTask failed: "
            f"tests/pruning/test_faults_on_the_command_line.py:{RAISING_LINE} in <lambda>: "
            "KeyError: 'nothing",
        ),
        ("loss_of_each", "loss of the task ClassificationTask gave [8]; expected a tensor of one"),
        ("ends", "training_batches of the task ClassificationTask ended after 1 batches"),
        ("lies", "evaluate_images of the task LiesOfCandidates gave NaN as accuracy of all"),
    ],
)
def test_a_fault_of_the_task_names_it(prune, tmp_path, task, said):
    line = refused(prune(tmp_path / "run", "--quiet", task=f"{__name__}:{task}"))
    named = r"the candidate \w+ 24 → \d+: " if task == "lies" else ""
    assert re.match(f"netadapt: {named}{re.escape(said)}", line)
    assert list((tmp_path / "run").rglob(".*-*")) == []  # nothing half-written
    assert (tmp_path / "run").exists() == (task in ("ends", "lies"))  # others are told at once


def test_a_file_in_place_of_a_folder_and_the_other_way_round(prune, tmp_path):
    (tmp_path / "file").write_text("mine")
    assert "file is no folder" in refused(prune(tmp_path / "file", "--quiet"))
    assert (tmp_path / "file").read_text() == "mine"
    run = tmp_path / "run"
    assert prune(run, "--quiet", "--finetune-steps", 0)[0] == 0
    (run / "trajectory.csv").unlink()
    (run / "trajectory.csv").mkdir()
    line = refused(prune(run, "--resume", "--quiet", begin=False))
    assert "trajectory.csv is a folder; expected a file" in line


def test_seeds_that_no_generator_takes_are_refused(prune, tmp_path):
    assert "Invalid value for '--seed'" in refused(
        prune(tmp_path / "run", "--seed", 92 * 10**17, "--quiet")
    )


def test_a_run_goes_on_with_the_threads_and_workers_that_it_began_with(prune, tmp_path):
    run, before = tmp_path / "run", torch.get_num_threads()
    try:
        assert prune(run, "--finetune-steps", 0, "--threads", 2)[0] == 0
        opened = json.loads((run / "run.json").read_text())["opened"]
        assert (opened["threads"], opened["workers"], opened["ray"]) == (2, None, None)
        torch.set_num_threads(1)
        assert prune(run, "--resume", begin=False)[0] == 0
        assert torch.get_num_threads() == 2
        err = prune(run, "--resume", "--threads", 1, begin=False)[2]
        assert "was begun with 2 threads and goes on with 1" in err
    finally:
        torch.set_num_threads(before)


def test_other_versions_than_a_run_began_with_are_said(prune, tmp_path):
    run = tmp_path / "run"
    assert prune(run, "--finetune-steps", 0)[0] == 0
    about = json.loads((run / "run.json").read_text())
    assert "began" not in prune(run, "--resume", begin=False)[2]
    about["environment"] |= {"torch": "1.9.0", "scipy": "1.0"}
    (run / "run.json").write_text(json.dumps(about))
    before = (run / "trajectory.csv").read_bytes()
    code, _, err = prune(run, "--resume", begin=False)
    assert code == 0
    assert f"was begun with torch 1.9.0 (now {torch.__version__}), scipy 1.0 (now " in err
    assert (run / "trajectory.csv").read_bytes() == before


def test_a_table_that_changed_under_a_run_is_refused_and_nothing_is_lost(
    prune, table, full_ms, tmp_path
):
    """Also where the newest network is damaged: that is looked at once the run may go on."""
    run, changed = tmp_path / "run", Path(shutil.copy(table, tmp_path / "changed.csv"))
    options = ("--device", changed, "--finetune-steps", 0)
    assert prune(run, *options, "--budget-ms", 0.7 * full_ms)[0] == 0
    (run / "iter_001" / "config.json").unlink()
    rows = LookupTable.read(str(changed))
    rows.entries[0] = replace(rows.entries[0], latency_ms=2 * rows.entries[0].latency_ms)
    rows.write()
    left = {file: file.read_bytes() for file in run.rglob("*") if file.is_file()}
    assert "table_sha256" in refused(prune(run, "--resume", "--quiet", begin=False))
    assert {file: file.read_bytes() for file in run.rglob("*") if file.is_file()} == left


def test_json_of_a_count_has_no_milliseconds_and_odd_names_are_resumed(prune, tmp_path):
    run = tmp_path / "run"
    options = ("--finetune-steps", 0, "--model", f"{__name__}:spaced", "--json")
    code, out, err = prune(run, *options, "--budget-ms", 60_000)
    assert code == 0, err
    rows = json.loads(out)["trajectory"]
    assert len(rows) > 2
    assert all(row["latency_ms"] is None and row["target_ms"] is None for row in rows)
    again = prune(run, "--resume", "--json", begin=False)
    assert json.loads(again[1])["trajectory"] == rows
    assert netadapt.load_model(run)(tiny.EXAMPLE).shape == (1, 3)


@pytest.mark.parametrize(
    ("part", "damaged"),
    [
        ("budget", {}),
        ("budget", {"macs": None}),
        ("settings", {"min_widths": [1]}),
        ("settings", {"frozen": [1]}),
        ("settings", {"short_term": 5}),
        ("opened", {"input_shapes": 5}),
        ("opened", {"input_shapes": [["a"]]}),
        ("opened", {"model": 5}),
        ("opened", {"threads": "two"}),
        ("opened", {"workers": True}),
        ("opened", {"on_demand": None}),
    ],
)
def test_a_damaged_run_json_is_named(prune, tmp_path, part, damaged):
    run = tmp_path / "run"
    with netadapt.search(
        tiny.network(), tiny.EXAMPLE, task=tiny.task(), budget={"macs": 0.9 * MACS}, out=run,
        opened={"model": "tiny:network", "task": "tiny:task", "data": ""},
    ):  # fmt: skip
        pass
    content = json.loads((run / "run.json").read_text())
    content[part] = {**content[part], **damaged} if damaged else {}
    (run / "run.json").write_text(json.dumps(content))
    assert f"{run / 'run.json'}" in refused(prune(run, "--resume", "--quiet", begin=False))


def test_the_progress_is_in_the_unit_of_the_constraint(tmp_path):
    class Bar:
        def __init__(self):
            self.shown = []

        def add_task(self, what, **fields):
            self.shown.append(what)
            return TaskID(0)

        def update(self, line, *, description, **fields):
            self.shown.append(description)

    bar = Bar()
    progress = SearchProgress(bar, quiet=True)
    with netadapt.search(
        tiny.network(), tiny.EXAMPLE, task=tiny.task(), budget={"macs": 0.9 * MACS},
        out=tmp_path / "run", callbacks=[progress], finetune_steps=0,
    ) as search:  # fmt: skip
        list(search)
    tried = [text for text in bar.shown if "trying" in text and "iteration" in text]
    assert tried
    assert all(" MACs, trying " in text for text in tried)


@pytest.mark.parametrize(
    ("file", "column", "value", "said"),
    [
        ("trajectory.csv", "checkpoint", "../run", "checkpoint is '../run', expected a folder's"),
        ("trajectory.csv", "checkpoint", "/etc", "checkpoint is '/etc', expected a folder's name"),
        ("trajectory.csv", "checkpoint", "", "checkpoint is '', expected a folder's name"),
        ("trajectory.csv", "checkpoint", "..", "checkpoint is '..', expected a folder's name"),
        ("trajectory.csv", "iteration", "7", "row 2: iteration is 7, expected 1"),
        ("trajectory.csv", "macs", "9" * 5000, "expected a whole number"),
        ("trajectory.csv", "macs", "١", "expected a whole number"),
        ("trajectory.csv", "seconds", "nan", "seconds is 'nan', expected a number"),
        ("trajectory.csv", "widths", "first=8", "has no widths of this network"),
        ("trajectory.csv", "widths", "first=99999999999999 inner=8", "of this network"),
        ("candidates.csv", "iteration", "x", "candidates.csv, row 1: iteration is 'x'"),
        ("candidates.csv", "seconds", "\udcff", "candidates.csv"),
        ("image_scores.csv", "iteration", "x", "image_scores.csv is damaged"),
        ("image_scores.csv", "scores", "0.5 x", "image_scores.csv is damaged"),
    ],
)
def test_a_damaged_row_is_named_before_a_resumed_run_changes_anything(
    prune, tmp_path, file, column, value, said
):
    run = tmp_path / "run"
    assert prune(run, "--quiet", "--finetune-steps", 0)[0] == 0
    header, *rows = (run / file).read_text().splitlines()
    at = min(1, len(rows) - 1)
    cells = rows[at].split(",")
    cells[header.split(",").index(column)] = value
    rows[at] = ",".join(cells)
    (run / file).write_text("\n".join([header, *rows, ""]), errors="surrogateescape")
    left = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    line = refused(prune(run, "--resume", "--quiet", begin=False))
    assert said in line
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == left
